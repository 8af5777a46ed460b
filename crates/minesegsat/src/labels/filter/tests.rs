use proptest::prelude::*;
use serde_json::json;

use super::*;

fn attributes(value: Value) -> Attributes {
    let Value::Object(attributes) = value else { panic!("no object") };
    attributes
}

fn holds(filter: &str, feature: &Attributes) -> bool {
    filter.parse::<Filter>().unwrap().matches(feature)
}

#[test]
fn expressions_are_what_people_write() {
    let feature = attributes(json!({
        "COUNTRY_NAME": "South Africa", "AREA": 3.25, "year": "2019", "part": "waste-rock", "code": "007",
        "mine feature category": "mine boundary", "O'Brien": "yes, \"it\" is", "open": true, "note": null, "n": 12,
    }));
    for (filter, expected) in [
        ("COUNTRY_NAME = South Africa", true),
        ("COUNTRY_NAME=South Africa", true),
        ("COUNTRY_NAME = 'South Africa'", true),
        ("\"COUNTRY_NAME\" = \"South Africa\"", true),
        ("COUNTRY_NAME = south africa", false),
        ("mine feature category = mine boundary and AREA > 3", true),
        ("AREA > 3", true),
        ("AREA >= 3.25 AND AREA <= 3.250", true),
        ("AREA < 3.25 or AREA > 3.25", false),
        ("AREA <> 3.25", false),
        ("AREA == '3.25'", true),
        // Numbers, not texts: "12" < "3" as text.
        ("n > 3", true),
        ("year > 2018.5", true),
        ("year > '2018.5'", true),
        ("year = '2019.0'", false),
        ("year = 2019.0", true),
        ("code = 7", true),
        ("code = '7'", false),
        ("part in (pit, waste-rock)", true),
        ("part not in (pit, waste-rock)", false),
        ("not part in (pit)", true),
        ("n in (1, 12.0)", true),
        ("'O''Brien' = 'yes, \"it\" is'", true),
        ("open = true", true),
        ("open = no", false),
        ("open = 1", true),
        ("note is null", true),
        ("note is not null", false),
        ("part is not null", true),
        // Nothing is known of what is missing, and nothing of its opposite.
        ("note = x", false),
        ("note != x", false),
        ("not note = x", false),
        ("note in (x) or part = waste-rock", true),
        ("not (note = x and part = pit)", true),
        ("part = pit or part = waste-rock and AREA > 100", false),
        ("(part = pit or part = waste-rock) and not AREA > 100", true),
    ] {
        assert_eq!(holds(filter, &feature), expected, "{filter}");
        assert_eq!(filter.parse::<Filter>().unwrap().to_string(), filter);
    }
}

#[test]
fn what_is_no_expression_says_what_is_expected() {
    for (filter, said) in [
        ("", "the name of an attribute is expected, not the end"),
        ("COUNTRY", "a comparison, `in` or `is` after `COUNTRY` is expected, not the end"),
        ("COUNTRY =", "a value is expected, not the end"),
        ("= Canada", "the name of an attribute is expected, not a comparison"),
        ("a = b c = d", "`and`, `or` or the end is expected, not a comparison"),
        ("a = 'b", "' is not closed"),
        ("(a = b", "`)` is expected, not the end"),
        ("a = b)", "`and`, `or` or the end is expected, not `)`"),
        ("a in b", "`(` is expected, not `b`"),
        ("a in ()", "a value is expected, not `)`"),
        ("a in (b c d", "`,` or `)` is expected, not the end"),
        ("a is 3", "`null` is expected, not `3`"),
        ("a ! 3", "`!` is followed by `=` only"),
        ("a = b and", "the name of an attribute is expected, not the end"),
        ("and = b", "the name of an attribute is expected, not `and`"),
    ] {
        let error = filter.parse::<Filter>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("filter `{filter}` is not accepted: {said}; ")), "{error}");
        assert!(error.contains("`AREA >= 1.5`"), "{error}");
    }
    let deep = format!("{}a = b{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(deep.parse::<Filter>().unwrap_err().to_string().contains("more than 64 parentheses"));
}

#[test]
fn names_are_found_regardless_of_capitals_where_that_is_clear() {
    let names = ["Part", "area", "AREA", "Größe"].map(str::to_owned);
    let resolve = |filter: &str| filter.parse::<Filter>().unwrap().resolve(&names);
    let feature = attributes(json!({"Part": "pit", "AREA": 2, "Größe": 1}));
    assert!(resolve("part = pit and AREA = 2 and größe = 1").unwrap().matches(&feature));
    assert_eq!(resolve("part = pit or Area = 2").unwrap_err(), "Area");
    assert_eq!(resolve("not (colour is null)").unwrap_err(), "colour");
}

/// Expressions, and what they mean for three attributes that are `None`, 0, 1 or 2.
fn expression() -> impl Strategy<Value = Expression> {
    let name = prop_oneof!["a", "b", "c d"].prop_map(|name: String| name);
    let literal = (0..3u8).prop_map(|n| Literal { text: n.to_string(), number: Some(f64::from(n)) });
    let operator = prop_oneof![
        Just(Operator::Equal),
        Just(Operator::NotEqual),
        Just(Operator::Less),
        Just(Operator::LessOrEqual),
        Just(Operator::Greater),
        Just(Operator::GreaterOrEqual),
    ];
    let leaf = prop_oneof![
        (name.clone(), operator, literal.clone()).prop_map(|(name, op, value)| Expression::Compare(name, op, value)),
        (name.clone(), prop::collection::vec(literal, 1..3)).prop_map(|(name, values)| Expression::In(name, values)),
        name.prop_map(Expression::IsNull),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Or),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::And),
            inner.prop_map(|part| Expression::Not(Box::new(part))),
        ]
    })
}

fn write(expression: &Expression) -> String {
    let list = |parts: &[Expression], word: &str| {
        let parts: Vec<String> = parts.iter().map(|part| format!("({})", write(part))).collect();
        parts.join(word)
    };
    match expression {
        Expression::Or(parts) => list(parts, " or "),
        Expression::And(parts) => list(parts, " AND "),
        Expression::Not(part) => format!("not ({})", write(part)),
        Expression::Compare(name, operator, literal) => {
            let sign = match operator {
                Operator::Equal => "=",
                Operator::NotEqual => "!=",
                Operator::Less => "<",
                Operator::LessOrEqual => "<=",
                Operator::Greater => ">",
                Operator::GreaterOrEqual => ">=",
            };
            format!("{name}{sign}{}", literal.text)
        }
        Expression::In(name, literals) => {
            let values: Vec<&str> = literals.iter().map(|literal| literal.text.as_str()).collect();
            format!("\"{name}\" in ({})", values.join(","))
        }
        Expression::IsNull(name) => format!("{name} is null"),
    }
}

/// The truth tables of SQL, written down anew: false 0, unknown 1, true 2.
fn truth(expression: &Expression, value: &dyn Fn(&str) -> Option<f64>) -> u8 {
    let known = |known: Option<bool>| known.map_or(1, |holds| 2 * u8::from(holds));
    match expression {
        Expression::Or(parts) => parts.iter().map(|part| truth(part, value)).max().unwrap(),
        Expression::And(parts) => parts.iter().map(|part| truth(part, value)).min().unwrap(),
        Expression::Not(part) => 2 - truth(part, value),
        Expression::IsNull(name) => known(Some(value(name).is_none())),
        Expression::In(name, literals) => {
            known(value(name).map(|v| literals.iter().any(|literal| literal.number == Some(v))))
        }
        Expression::Compare(name, operator, literal) => {
            known(value(name).zip(literal.number).map(|(a, b)| match operator {
                Operator::Equal => a == b,
                Operator::NotEqual => a != b,
                Operator::Less => a < b,
                Operator::LessOrEqual => a <= b,
                Operator::Greater => a > b,
                Operator::GreaterOrEqual => a >= b,
            }))
        }
    }
}

proptest! {
    #[test]
    fn written_expressions_are_parsed_to_what_they_mean(
        expression in expression(),
        values in prop::collection::vec(prop::option::of(0..3u8), 3),
    ) {
        let parsed: Filter = write(&expression).parse().unwrap();
        prop_assert_eq!(&parsed.expression, &expression);
        let names = ["a", "b", "c d"];
        let feature: Attributes = names.iter().zip(&values).map(|(name, v)| ((*name).to_owned(), json!(v))).collect();
        let value = |name: &str| values[names.iter().position(|n| *n == name).unwrap()].map(f64::from);
        prop_assert_eq!(parsed.matches(&feature), truth(&expression, &value) == 2);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "[ab ='\"()<>!,andortis1.]{0,24}") {
        if let Ok(filter) = text.parse::<Filter>() {
            filter.matches(&Attributes::new());
        }
    }
}
