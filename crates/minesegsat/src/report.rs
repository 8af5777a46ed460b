//! Pages on sites for people to read and print.
