//! Responses against the schemas of `/openapi.json`.
//!
//! A schema of OpenAPI 3.0 allows members that it does not name, so validators miss them. This check is stricter: a response may
//! have named members only, unless its schema names none (`properties` of GeoJSON) or has `additionalProperties`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::Request;
use crate::jobs::Fake;
use crate::workspace::{SITE, Workspace};
use crate::{Served, TOKEN};

/// A schema with the schemas that its `$ref` and `allOf` include.
fn parts<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return parts(document, document.pointer(&reference[1..]).unwrap_or_else(|| panic!("no {reference}")));
    }
    let included = schema["allOf"].as_array().into_iter().flatten();
    std::iter::once(schema).chain(included.flat_map(|schema| parts(document, schema))).collect()
}

/// Checks a value. The error names the first member that does not conform.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let parts = parts(document, schema);
    if value.is_null() && parts.iter().any(|part| part["nullable"] == true) {
        return Ok(());
    }
    let mut members: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut is_open = false;
    for part in parts {
        let has_type = match part["type"].as_str() {
            None => true,
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("number") => value.is_number(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("boolean") => value.is_boolean(),
            Some(other) => return Err(format!("{at}: the schema has the unknown type `{other}`")),
        };
        if !has_type {
            return Err(format!("{at}: {value} is not of type {}", part["type"]));
        }
        if part["enum"].as_array().is_some_and(|values| !values.contains(value)) {
            return Err(format!("{at}: {value} is not one of {}", part["enum"]));
        }
        let number = value.as_f64();
        if number.zip(part["minimum"].as_f64()).is_some_and(|(number, minimum)| number < minimum)
            || number.zip(part["maximum"].as_f64()).is_some_and(|(number, maximum)| number > maximum)
        {
            return Err(format!("{at}: {value} is out of range"));
        }
        if let Some(options) = part["oneOf"].as_array() {
            let errors: Vec<String> =
                options.iter().filter_map(|option| check(document, option, value, at).err()).collect();
            if errors.len() + 1 != options.len() {
                return Err(format!(
                    "{at}: {} schemas of {} fit: {errors:?}",
                    options.len() - errors.len(),
                    options.len()
                ));
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            check(document, &part["items"], item, &format!("{at}[{index}]"))?;
        }
        for name in part["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                return Err(format!("{at}: `{name}` is missing"));
            }
        }
        members
            .extend(part["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema)));
        is_open |= part.get("additionalProperties").is_some_and(|more| *more != false) || part.get("oneOf").is_some();
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        match members.get(name.as_str()) {
            Some(schema) => check(document, schema, member, &format!("{at}.{name}"))?,
            None if is_open || members.is_empty() => {}
            None => return Err(format!("{at}: the schema does not name `{name}`")),
        }
    }
    Ok(())
}

/// Schema of a response, and its media type. `None` if the response is not JSON.
fn response_schema<'a>(operation: &'a Value, status: &str) -> Option<(&'a str, &'a Value)> {
    let content = operation["responses"][status]["content"].as_object()?;
    let is_json = |media_type: &str| matches!(media_type, "application/json" | "application/geo+json");
    content
        .iter()
        .find(|(media_type, _)| is_json(media_type))
        .map(|(name, content)| (name.as_str(), &content["schema"]))
}

#[test]
fn responses_have_the_members_that_the_document_names() {
    let workspace = Workspace::filled();
    let runner = Arc::new(Fake::default());
    let server = Served::start(&workspace, Some(runner), |_| {});
    let document = server.json("/openapi.json");
    let observation = workspace.observation("2023-07-17");
    let body = json!({"bbox": [-121.2, 55.0, -121.1, 55.1], "from": "2022-07-01", "to": "2022-07-31"});
    let started = Request::post("/api/predict", &body).token(TOKEN).send(server.address);
    assert_eq!(started.status, 202);
    let job = started.json();
    let (_, schema) = response_schema(&document["paths"]["/api/predict"]["post"], "202").unwrap();
    check(&document, schema, &job, "job").unwrap();
    let problem = Request::post("/api/predict", &body).send(server.address).json();
    check(&document, &document["components"]["schemas"]["Problem"], &problem, "problem").unwrap();
    let job = job["id"].as_str().unwrap();

    let item = format!("{SITE}_{observation}");
    let permit = format!("{SITE}_2021-01-01");
    let shape = format!("{item}_1");
    // Requests of each path: values of its `{...}` in their order, and a query.
    let mut requests: Vec<(&str, Vec<&str>, &str)> = vec![
        ("/", vec![], "?f=json"),
        ("/health", vec![], ""),
        ("/api", vec![], ""),
        ("/api/me", vec![], ""),
        ("/api/sites", vec![], ""),
        ("/api/sites/{site}", vec![SITE], ""),
        ("/api/sites/{site}", vec!["quiet"], ""),
        ("/api/sites/{site}/timeline", vec![SITE], ""),
        ("/api/sites/{site}/observations/{observation}/polygons", vec![SITE, &observation], ""),
        ("/api/sites/{site}/observations/{observation}/changes", vec![SITE, &observation], ""),
        ("/api/sites/{site}/export", vec![SITE], ""),
        ("/api/sites/{site}/export", vec![SITE], "?what=land"),
        ("/api/jobs", vec![], ""),
        ("/api/jobs/{job}", vec![job], ""),
        ("/api/predictions", vec![], ""),
        ("/api/predictions/{name}/polygons", vec!["box-1"], ""),
        ("/tiles/sites/{site}/{observation}/{layer}/tilejson.json", vec![SITE, &observation, "mask"], ""),
        ("/tiles/sites/{site}/{observation}/{layer}/tilejson.json", vec![SITE, &observation, "probability"], ""),
        ("/tiles/predictions/{name}/{layer}/tilejson.json", vec!["box-1", "mask"], ""),
        ("/ogc", vec![], ""),
        ("/ogc/conformance", vec![], ""),
        ("/ogc/collections", vec![], ""),
        ("/stac", vec![], ""),
        ("/stac/conformance", vec![], ""),
        ("/stac/collections", vec![], ""),
        ("/stac/collections/{collection}/items/{item}", vec!["scenes", &item], ""),
        ("/stac/collections/{collection}/items/{item}", vec!["predictions", "box-1"], ""),
        ("/stac/search", vec![], "?limit=1"),
    ];
    for (collection, feature) in
        [("sites", SITE), ("permits", &*permit), ("observations", &*item), ("polygons", &*shape), ("changes", &*shape)]
    {
        requests.push(("/ogc/collections/{collection}", vec![collection], ""));
        requests.push(("/ogc/collections/{collection}/items", vec![collection], "?limit=1"));
        requests.push(("/ogc/collections/{collection}/items/{feature}", vec![collection, feature], ""));
    }
    for collection in ["scenes", "predictions"] {
        requests.push(("/stac/collections/{collection}", vec![collection], ""));
        requests.push(("/stac/collections/{collection}/items", vec![collection], "?limit=1"));
    }
    let mut failures = Vec::new();
    for (path, values, query) in &requests {
        let mut url = (*path).to_owned();
        for value in values {
            let (start, end) = (url.find('{').unwrap(), url.find('}').unwrap());
            url.replace_range(start..=end, value);
        }
        let answer = server.get(&(url.clone() + query));
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        let (media_type, schema) = response_schema(&document["paths"][*path]["get"], "200").unwrap();
        assert_eq!(answer.media_type(), media_type, "{url}");
        failures.extend(check(&document, schema, &answer.json(), &url).err());
    }
    assert!(failures.is_empty(), "{failures:#?}");

    let checked: BTreeSet<&str> = requests.iter().map(|(path, ..)| *path).collect();
    for (path, item) in document["paths"].as_object().unwrap() {
        let is_json = item.get("get").is_some_and(|operation| response_schema(operation, "200").is_some());
        assert!(!is_json || checked.contains(path.as_str()), "no request of {path}");
    }
}

#[test]
fn the_check_finds_members_that_a_schema_does_not_name() {
    let document =
        json!({"schemas": {"A": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}}});
    let schema =
        json!({"allOf": [{"$ref": "#/schemas/A"}, {"properties": {"b": {"type": "string", "nullable": true}}}]});
    let result = |value: Value| check(&document, &schema, &value, "value");
    assert!(result(json!({"a": 1, "b": null})).is_ok());
    assert!(result(json!({"b": "x"})).unwrap_err().contains("`a` is missing"));
    assert!(result(json!({"a": 1.5})).unwrap_err().contains("value.a"));
    assert!(result(json!({"a": 1, "c": 1})).unwrap_err().contains("does not name `c`"));
}
