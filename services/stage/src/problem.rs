//! What is wrong with the books.

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// What was acknowledged, or followed from it, is not there.
    Lost(String),
    /// It is there more than once.
    Doubled(String),
    /// What is there contradicts itself.
    Wrong(String),
}

/// How many of these are lost, and how many doubled.
pub fn lost_and_doubled(problems: &[Problem]) -> (usize, usize) {
    let count = |is: fn(&Problem) -> bool| problems.iter().filter(|problem| is(problem)).count();
    (count(|p| matches!(p, Problem::Lost(_))), count(|p| matches!(p, Problem::Doubled(_))))
}
