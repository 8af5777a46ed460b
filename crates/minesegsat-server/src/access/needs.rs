//! What each route needs: the table of all routes that need another right than reading.

use crate::users::Role;

/// What a request needs to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: the response has no data of the workspace.
    Nothing,
    /// The right to read: open on a loopback address, else a token of any role or the session cookie.
    Reading,
    /// As [`Reading`](Self::Reading). A token that is sent where none is needed must be a right one.
    Identity,
    /// A token of this role or a higher one.
    Role(Role),
}

/// Routes that need something else than [`Need::Reading`]. Other `GET` routes need that. Other methods that are missing here need the
/// highest role.
const TABLE: [(&str, &str, Need); 17] = [
    ("GET", "/", Need::Nothing),
    ("GET", "/health", Need::Nothing),
    ("GET", "/favicon.ico", Need::Nothing),
    ("GET", "/assets/{*path}", Need::Nothing),
    ("GET", "/api/me", Need::Identity),
    // A search reads only: its query body is too long for a URL.
    ("POST", "/stac/search", Need::Reading),
    // The cookie is no way to a new cookie.
    ("POST", "/api/session", Need::Role(Role::Read)),
    ("DELETE", "/api/session", Need::Role(Role::Read)),
    ("POST", "/api/predict", Need::Role(Role::Order)),
    ("POST", "/api/monitor", Need::Role(Role::Order)),
    ("DELETE", "/api/jobs/{job}", Need::Role(Role::Order)),
    ("DELETE", "/api/predictions/{name}", Need::Role(Role::Order)),
    ("POST", "/api/sites", Need::Role(Role::Register)),
    ("PATCH", "/api/sites/{site}", Need::Role(Role::Register)),
    ("DELETE", "/api/sites/{site}", Need::Role(Role::Register)),
    ("POST", "/api/sites/{site}/permits", Need::Role(Role::Register)),
    ("DELETE", "/api/sites/{site}/permits", Need::Role(Role::Register)),
];

/// What a request of this method to a route needs. `route` is `None` for paths without a handler.
pub(crate) fn need(method: &str, route: Option<&str>) -> Need {
    let reads = matches!(method, "GET" | "HEAD" | "OPTIONS");
    let named = if reads { "GET" } else { method };
    let found = TABLE.iter().find(|(of, path, _)| *of == named && Some(*path) == route);
    match found {
        Some((.., need)) => *need,
        None if reads => Need::Reading,
        None => Need::Role(Role::Register),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_route_and_every_route_that_writes_is_an_entry() {
        let source = include_str!("../router.rs");
        for (_, path, _) in TABLE {
            assert!(source.contains(&format!(".route(\"{path}\"")), "{path} is no route");
        }
        // `post(api::x)` of a route, and `.post(api::x)` after another method.
        for line in source.lines().filter(|line| line.contains(".route(\"")) {
            let path = line.split('"').nth(1).unwrap();
            for method in
                ["post", "patch", "put", "delete"].into_iter().filter(|name| line.contains(&format!("{name}(")))
            {
                let named = method.to_uppercase();
                let is_entry = TABLE.iter().any(|(of, at, _)| *of == named && *at == path);
                assert!(is_entry, "{named} {path} has no entry");
            }
        }
    }

    #[test]
    fn what_is_unknown_needs_the_right_to_read_or_the_highest_role() {
        assert_eq!(need("GET", None), Need::Reading);
        assert_eq!(need("HEAD", Some("/health")), Need::Nothing);
        assert_eq!(need("DELETE", None), Need::Role(Role::Register));
        assert_eq!(need("PUT", Some("/api/sites/{site}")), Need::Role(Role::Register));
        assert_eq!(need("POST", Some("/api/predict")), Need::Role(Role::Order));
    }
}
