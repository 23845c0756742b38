use std::collections::BTreeMap;
use std::time::Duration;

use syn::{BinOp, Expr, Lit, Member};

use crate::value::Value;

/// What an expression of constants is worth, if it is a number or a time. `named` finds the value of
/// another constant.
pub(crate) fn evaluate(expression: &Expr, named: &dyn Fn(&str) -> Option<Value>) -> Option<Value> {
    let worth = |expression: &Expr| evaluate(expression, named);
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => Some(Value::Number(number.base10_parse().ok()?)),
            _ => None,
        },
        Expr::Paren(inner) => worth(&inner.expr),
        Expr::Cast(inner) => worth(&inner.expr),
        Expr::Path(path) => named(&path.path.segments.last()?.ident.to_string()),
        Expr::Binary(binary) => {
            let (Value::Number(left), Value::Number(right)) =
                (worth(&binary.left)?, worth(&binary.right)?)
            else {
                return None;
            };
            combined(left, &binary.op, right).map(Value::Number)
        }
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else { return None };
            let name = function.path.segments.last()?.ident.to_string();
            let arguments: Option<Vec<Value>> = call.args.iter().map(worth).collect();
            called(&name, &arguments?)
        }
        Expr::MethodCall(call) => {
            let (receiver, argument) = (worth(&call.receiver)?, worth(call.args.first()?)?);
            match (receiver, &*call.method.to_string(), argument) {
                (Value::Time(one), "saturating_add", Value::Time(other)) => {
                    Some(Value::Time(one + other))
                }
                (Value::Time(one), "saturating_mul", Value::Number(times)) => {
                    Some(Value::Time(one * u32::try_from(times).ok()?))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The fields of a structure that are numbers or times.
pub(crate) fn fields(
    expression: &Expr,
    named: &dyn Fn(&str) -> Option<Value>,
) -> BTreeMap<String, Value> {
    let Expr::Struct(structure) = expression else { return BTreeMap::new() };
    let field = |field: &syn::FieldValue| match &field.member {
        Member::Named(name) => Some((name.to_string(), evaluate(&field.expr, named)?)),
        Member::Unnamed(_) => None,
    };
    structure.fields.iter().filter_map(field).collect()
}

fn combined(left: u128, operator: &BinOp, right: u128) -> Option<u128> {
    match operator {
        BinOp::Add(_) => left.checked_add(right),
        BinOp::Sub(_) => left.checked_sub(right),
        BinOp::Mul(_) => left.checked_mul(right),
        BinOp::Div(_) => left.checked_div(right),
        BinOp::Shl(_) => left.checked_shl(u32::try_from(right).ok()?),
        _ => None,
    }
}

fn called(function: &str, arguments: &[Value]) -> Option<Value> {
    let time = |unit: Duration, number: u128| {
        Some(Value::Time(unit.checked_mul(u32::try_from(number).ok()?)?))
    };
    match (function, arguments) {
        ("from_micros", [Value::Number(n)]) => time(Duration::from_micros(1), *n),
        ("from_millis", [Value::Number(n)]) => time(Duration::from_millis(1), *n),
        ("from_secs", [Value::Number(n)]) => time(Duration::from_secs(1), *n),
        ("from_mins", [Value::Number(n)]) => time(Duration::from_mins(1), *n),
        ("from_hours", [Value::Number(n)]) => time(Duration::from_hours(1), *n),
        // A newtype around a number, and what may be absent.
        ("Self" | "Some", [value]) => Some(*value),
        // The one function of ours that constants are made with.
        ("longer", [Value::Time(one), Value::Time(other)]) => Some(Value::Time(*one.max(other))),
        _ => None,
    }
}
