//! Watching known sites: find scenes, map, compare, judge, store.
