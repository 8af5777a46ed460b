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
        // A comparison with a missing value is unknown, and so is its negation.
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

/// Filters in CQL2 text select the same features as the reference. Expected results are from the Python package cql2 0.6.0:
/// ```python
/// cql2.parse_text(filter).matches(feature)
/// ```
#[test]
fn filters_of_cql2_text_select_what_the_cql2_package_selects() {
    let feature = attributes(json!({
        "COUNTRY_NAME": "South Africa", "AREA": 3.25, "part": "waste-rock", "mine feature category": "mine boundary",
        "open": true, "note": null, "n": 12, "Größe": 1,
    }));
    for (filter, expected) in [
        ("COUNTRY_NAME = 'South Africa'", true),
        ("COUNTRY_NAME <> 'South Africa'", false),
        ("\"COUNTRY_NAME\" LIKE 'South%'", true),
        ("COUNTRY_NAME like 'south%'", false),
        ("COUNTRY_NAME like '%Africa'", true),
        ("COUNTRY_NAME like '%th A%'", true),
        ("COUNTRY_NAME like 'South_Africa'", true),
        ("COUNTRY_NAME like 'South'", false),
        ("COUNTRY_NAME like '%'", true),
        ("COUNTRY_NAME NOT LIKE 'North%'", true),
        ("COUNTRY_NAME like '%a%a%'", false),
        ("COUNTRY_NAME like '%f%a'", true),
        ("part like 'waste\\-rock'", true),
        ("part like 'waste\\_rock'", false),
        ("AREA BETWEEN 3.25 AND 4", true),
        ("AREA between 3 and 3.25", true),
        ("AREA NOT BETWEEN 3 AND 4", false),
        ("n between 1 and 20 and AREA between 4 and 5", false),
        ("n between 1 and 20 or AREA between 4 and 5", true),
        ("part between 'u' and 'x'", true),
        ("part between 'a' and 'b'", false),
        ("\"mine feature category\" = 'mine boundary' AND n > 3", true),
        ("n IN (1, 12.0)", true),
        ("n NOT IN (1, 12.0)", false),
        ("part in ('pit', 'waste-rock')", true),
        ("NOT part in ('pit', 'waste-rock')", false),
        ("open = TRUE", true),
        ("open = false", false),
        ("Größe = 1", true),
        ("AREA > 1e0", true),
        ("AREA > -1", true),
        ("note IS NULL", true),
        ("NOT note IS NULL", false),
        ("part IS NOT NULL", true),
        ("missing IS NULL", true),
        ("note = 'x' OR n = 12", true),
        ("NOT (n = 12 AND part = 'pit')", true),
        ("NOT n = 12 OR part = 'pit'", false),
        ("n = 1 AND n = 2 OR n = 12", true),
    ] {
        assert_eq!(holds(filter, &feature), expected, "{filter}");
    }
}

#[test]
fn words_of_operators_may_be_in_names_and_values() {
    let feature = attributes(json!({"land between roads": 3, "like": "I like gold", "jobs like this": 1, "n": 7}));
    for (filter, expected) in [
        ("land between roads = 3", true),
        ("\"land between roads\" between 2 and 4", true),
        ("land between roads not in (3)", false),
        ("land between roads is not null", true),
        ("like = I like gold", true),
        ("like like '%gold'", true),
        ("like like %gold", true),
        ("jobs like this = 1", true),
        ("n between 6 and 8 and jobs like this = 1", true),
    ] {
        assert_eq!(holds(filter, &feature), expected, "{filter}");
    }
}

#[test]
fn what_is_no_expression_says_what_is_expected() {
    for (filter, said) in [
        ("", "the name of an attribute is expected, not the end"),
        ("COUNTRY", "a comparison, `in`, `between`, `like` or `is` after `COUNTRY` is expected, not the end"),
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
        ("a not b", "a comparison, `in`, `between`, `like` or `is` after `a` is expected, not `b`"),
        ("a between 1 or b = 2", "`and` is expected, not `or`"),
        ("a between 1 and", "a value is expected, not the end"),
        ("a like (b)", "a value is expected, not `(`"),
        ("and = b", "the name of an attribute is expected, not `and`"),
    ] {
        let error = filter.parse::<Filter>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("filter `{filter}` is not accepted: {said}; ")), "{error}");
        assert!(error.contains("`AREA >= 1.5`"), "{error}");
    }
    let deep = format!("{}a = b{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(deep.parse::<Filter>().unwrap_err().to_string().contains("more than 64 nested parentheses"));
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

/// Expressions over three attributes with the values `None`, 0, 1 or 2.
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
        Expression::Like(..) => unreachable!("`expression` makes none"),
        Expression::IsNull(name) => format!("{name} is null"),
    }
}

/// The truth tables of SQL, implemented independently: false 0, unknown 1, true 2.
fn truth(expression: &Expression, value: &dyn Fn(&str) -> Option<f64>) -> u8 {
    let known = |known: Option<bool>| known.map_or(1, |holds| 2 * u8::from(holds));
    match expression {
        Expression::Or(parts) => parts.iter().map(|part| truth(part, value)).max().unwrap(),
        Expression::And(parts) => parts.iter().map(|part| truth(part, value)).min().unwrap(),
        Expression::Not(part) => 2 - truth(part, value),
        Expression::Like(..) => unreachable!("`expression` makes none"),
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

/// Filters in CQL2 text over two numbers and a text.
fn cql2_text() -> impl Strategy<Value = String> {
    let number = || prop_oneof!["a", "\"b c\""];
    let negation = || prop_oneof![Just(""), Just("NOT ")];
    let leaf = prop_oneof![
        (number(), prop_oneof!["=", "<>", "<", "<=", ">", ">="], 0..4u8).prop_map(|(n, op, v)| format!("{n} {op} {v}")),
        (number(), negation(), 0..4u8, 0..4u8).prop_map(|(n, not, v, w)| format!("{n} {not}BETWEEN {v} AND {w}")),
        (number(), negation(), 0..4u8, 0..4u8).prop_map(|(n, not, v, w)| format!("{n} {not}IN ({v}, {w})")),
        (negation(), "[xyX%_]{0,4}").prop_map(|(not, pattern)| format!("t {not}LIKE '{pattern}'")),
        ("(=|<>|<|>=)", "[xyX]{0,2}").prop_map(|(op, v)| format!("t {op} '{v}'")),
        (prop_oneof!["a", "t"], negation()).prop_map(|(n, not)| format!("{n} IS {not}NULL")),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), prop_oneof!["AND", "OR"]).prop_map(|(a, b, op)| format!("{a} {op} {b}")),
            (inner.clone(), inner.clone(), prop_oneof!["AND", "OR"]).prop_map(|(a, b, op)| format!("({a}) {op} ({b})")),
            inner.prop_map(|part| format!("NOT ({part})")),
        ]
    })
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

    /// The subset is also SQL, whose missing values are those of CQL2.
    #[test]
    fn filters_of_cql2_text_select_what_sqlite_selects(
        filter in cql2_text(),
        a in prop::option::of(0..4u8),
        b in prop::option::of(0..4u8),
        t in prop::option::of("[xyX%_]{0,4}"),
    ) {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "case_sensitive_like", true).unwrap();
        let query = format!("SELECT ({filter}) IS TRUE FROM (SELECT ?1 AS a, ?2 AS \"b c\", ?3 AS t)");
        let expected: bool = connection.query_row(&query, (a, b, &t), |row| row.get(0)).unwrap();
        let feature = attributes(json!({"a": a, "b c": b, "t": t}));
        prop_assert_eq!(holds(&filter, &feature), expected, "{} of {:?}", filter, feature);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "[ab ='\"()<>!,andortislikebtw1.%_]{0,24}") {
        if let Ok(filter) = text.parse::<Filter>() {
            filter.matches(&Attributes::new());
        }
    }
}
