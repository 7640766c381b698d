// CUDA as far as our kernels use it, on one CPU thread: a block's threads are fibres that take
// turns where they wait for one another: a warp's at a shuffle, a block's at __syncthreads. Python
// compiles a kernel file behind this header, and links it with emulation.cpp; see kernels.py.
// Headers of C alone: those of C++ take longer to compile than a kernel.
#include <math.h>
#include <stddef.h>
#include <string.h>

#define __device__
#define __global__
#define __shared__ static
#define __launch_bounds__(...)
#define __noinline__ __attribute__((noinline))
#define __ffsll __builtin_ffsll

struct Dim {
    unsigned x, y, z;
};
extern Dim gridDim, blockDim, blockIdx, threadIdx;

void __syncthreads();

// The number that another lane of the warp has given.
double exchanged(unsigned lanes, double value, int mask);

template <class T>
static T __shfl_xor_sync(unsigned lanes, T value, int mask) {
    return (T)exchanged(lanes, value, mask);
}

// Copies arrive as late as they may: when their thread waits for their batch.
#define EMULATED_COPIES
void copy_later(void* to, const void* value, size_t bytes);
void end_batch();
void wait_for_all_but_last();

template <class T>
static void start_copy(T* to, const T* from, bool there) {
    const T value = there ? *from : (T)0;
    copy_later(to, &value, sizeof value);
}

static inline void atomicOr(unsigned* word, unsigned bits) {
    *word |= bits;
}

void run_grid(const unsigned* size, void (*kernel)(void**), void** arguments);

template <size_t... I>
struct Indices {};

template <class... A, size_t... I>
void call(void (*kernel)(A...), void** arguments, Indices<I...>) {
    kernel(*static_cast<A*>(arguments[I])...);
}
template <class... A>
void call(void (*kernel)(A...), void** arguments) {
    call(kernel, arguments, Indices<__integer_pack(sizeof...(A))...>{});
}
template <class... A>
constexpr int count(void (*)(A...)) {
    return sizeof...(A);
}
template <class... A>
void sizes(void (*)(A...), int* bytes) {
    int all[] = {sizeof(A)...};
    memcpy(bytes, all, sizeof all);
}

#define EMULATED(kernel)                                                       \
    extern "C" int count_##kernel() { return count(kernel); }                  \
    extern "C" void sizes_##kernel(int* bytes) { sizes(kernel, bytes); }       \
    extern "C" void run_##kernel(const unsigned* size, void** arguments) {     \
        run_grid(size, [](void** given) { call(kernel, given); }, arguments);  \
    }
