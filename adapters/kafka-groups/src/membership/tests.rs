//! What holds for both protocols.

mod arbitrary;

use super::*;

#[test]
fn a_machine_can_be_moved_to_its_task() {
    fn is_send<T: Send>() {}
    is_send::<consumer::Consumer>();
    is_send::<classic::Classic>();
}
