//! Plain loops, compiled for each generation of instructions: [`Loops`], [`vectorise`], [`vectorised!`](crate::vectorised).

use super::{Isa, Kernel, Vector};

/// Work in plain Rust that [`vectorise`] compiles for each generation of instructions.
pub trait Loops {
    /// The work. It must be `#[inline(always)]`, and so must all functions that it calls: code that is compiled apart from
    /// its caller does not use the caller's instructions.
    fn run(self);
}

/// Runs the work with the newest instructions of the processor, or with those that
/// [`ISA_VARIABLE`](crate::ISA_VARIABLE) names.
pub fn vectorise(work: impl Loops) {
    // Products of bfloat16 change nothing in plain loops.
    Isa::current().min(Isa::Avx512).run(Plain(work));
}

struct Plain<L>(L);

impl<L: Loops> Kernel for Plain<L> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        self.0.run();
    }
}

/// Defines a function whose body is compiled for each generation of vector instructions and chosen at run time. See
/// [`vectorise`](crate::training::vectorise).
///
/// The body becomes a method of a struct that holds the arguments. A closure would be shorter, but rustc may outline a
/// closure, and the outlined copy is compiled without the target features.
#[macro_export]
macro_rules! vectorised {
    ($(#[$doc:meta])* $visibility:vis fn $name:ident<'a>($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        $visibility fn $name<'a>($($argument: $type),*) {
            struct Work<'a> {
                $($argument: $type,)*
                lifetime: std::marker::PhantomData<&'a ()>,
            }
            impl $crate::training::Loops for Work<'_> {
                #[inline(always)]
                fn run(self) {
                    let Self { $($argument,)* lifetime: _ } = self;
                    $body
                }
            }
            $crate::training::vectorise(Work { $($argument,)* lifetime: std::marker::PhantomData::<&'a ()> });
        }
    };
}
