//! Memory of the program.

/// Large tensors come and go with every patch: an allocator that keeps them saves their page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 2 and 3, in milliseconds; its Rust crate does not name it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Gives what is freed back to the system at once, for programs that run for long and are mostly idle: a server that has
/// drawn many tiles would keep a hundred megabytes and more otherwise.
pub(crate) fn return_freed_memory() {
    #[expect(unsafe_code, reason = "options of the allocator are set by its C interface")]
    // SAFETY: the function stores a number in a table of options; any number is valid for this option.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, 0);
    }
}
