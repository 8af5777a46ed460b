//! The memory allocator of the program.

/// Every patch allocates and frees large tensors. An allocator that keeps freed memory avoids their page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 2 and 3, in milliseconds. The Rust crate has no name for it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Returns freed memory to the system at once. This is for long-running programs that are mostly idle: a server that
/// has drawn many tiles would otherwise keep a hundred megabytes and more.
pub(crate) fn return_freed_memory() {
    #[expect(unsafe_code, reason = "allocator options can only be set through the C interface")]
    // SAFETY: the function stores a number in a table of options; any number is valid for this option.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, 0);
    }
}
