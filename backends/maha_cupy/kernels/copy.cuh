// Copies to a block's shared memory that go on while the block computes, batch after batch.
#pragma once
#include "real.cuh"

#ifdef EMULATED_COPIES
#elif __CUDA_ARCH__ >= 800
// Start to copy a number; where it is not `there` nothing is read, and 0 is written.
__device__ inline void start_copy(real* to, const real* from, bool there) {
    const unsigned shared = (unsigned)__cvta_generic_to_shared(to);
    const int bytes = there ? sizeof(real) : 0;
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared), "l"(from),
                 "n"(sizeof(real)), "r"(bytes)
                 : "memory");
}

// What was started since the last call is one batch.
__device__ inline void end_batch() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Wait for this thread's copies, but not for those of the last batch.
__device__ inline void wait_for_all_but_last() {
    asm volatile("cp.async.wait_group 1;" ::: "memory");
}
#else
__device__ inline void start_copy(real* to, const real* from, bool there) {
    *to = there ? *from : (real)0;
}
__device__ inline void end_batch() {}
__device__ inline void wait_for_all_but_last() {}
#endif
