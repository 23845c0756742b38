use std::fmt;
use std::time::Duration;

/// What a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// Of whatever: bytes, records, attempts.
    Number(u128),
    /// A time.
    Time(Duration),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(time) => write!(f, "{time:?}"),
        }
    }
}

impl Value {
    /// Reads what people write: `10 s`, `16 KiB`, `1,000 records`. `s` is a time, `seconds` a number of
    /// them.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
        let number = number.replace(',', "");
        let whole = || number.parse::<u128>().ok();
        let bytes = |shift: u32| Some(Self::Number(whole()? << shift));
        let time = |nanos: f64| {
            // Half a nanosecond too little would be another time.
            let seconds = number.parse::<f64>().ok()? * nanos / 1e9;
            Some(Self::Time(Duration::try_from_secs_f64(seconds).ok()?))
        };
        match unit {
            "µs" => time(1e3),
            "ms" => time(1e6),
            "s" => time(1e9),
            "min" => time(60e9),
            "h" => time(3_600e9),
            "days" => time(86_400e9),
            "KiB" => bytes(10),
            "MiB" => bytes(20),
            "GiB" => bytes(30),
            _ => bytes(0),
        }
    }
}

#[test]
fn values_are_read_as_they_are_written() {
    let number = |number| Some(Value::Number(number));
    let millis = |millis| Some(Value::Time(Duration::from_millis(millis)));
    for (text, value) in [
        ("1,000 records", number(1_000)),
        ("30 seconds", number(30)),
        ("16 KiB", number(16_384)),
        ("5", number(5)),
        ("1.5 s", millis(1_500)),
        ("2 min", millis(120_000)),
        ("7 days", millis(7 * 86_400_000)),
        ("450 ms", millis(450)),
        ("much", None),
    ] {
        assert_eq!(Value::read(text), value, "{text}");
    }
}
