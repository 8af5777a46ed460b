//! Evidence packs: what was seen, with hashes and a signature that stands up later.
