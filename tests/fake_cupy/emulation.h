// CUDA as far as our kernels use it, on one CPU thread: a block's threads are fibres that take
// turns where they wait for one another: a warp's at a shuffle, a block's at __syncthreads. Python
// compiles a kernel file behind this header; see kernels.py.
#undef _FORTIFY_SOURCE  // its longjmp refuses to leave one stack for another
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#define __device__
#define __global__
#define __shared__ static
#define __launch_bounds__(...)
#define __noinline__ __attribute__((noinline))
#define __ffsll __builtin_ffsll

struct Dim {
    unsigned x, y, z;
};
static Dim gridDim, blockDim, blockIdx, threadIdx;

struct Fibre {
    jmp_buf place;
    std::vector<char> stack;
    Dim index;
    bool done, at_barrier;
    unsigned exchanges;
    std::deque<std::vector<std::function<void()>>> batches;
};
static jmp_buf scheduler;
static std::vector<Fibre> fibres;
static Fibre* current;
static void (*body)(void**);
static void** body_arguments;

// setjmp, as every swapcontext is a call of the operating system, for the mask of signals.
static void wait() {
    if (!_setjmp(current->place)) _longjmp(scheduler, 1);
}

static void run_fibre() {
    for (;;) {  // a thread of the next block, too
        body(body_arguments);
        current->done = true;
        wait();
    }
}

static void resume(Fibre& fibre) {
    current = &fibre;
    threadIdx = fibre.index;
    if (_setjmp(scheduler)) return;
    if (!fibre.stack.empty()) _longjmp(fibre.place, 1);
    fibre.stack.resize(1 << 16);
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = fibre.stack.data();
    context.uc_stack.ss_size = fibre.stack.size();
    context.uc_link = nullptr;
    makecontext(&context, run_fibre, 0);
    setcontext(&context);
}

static void __syncthreads() {
    current->at_barrier = true;
    wait();
}

// A lane may be one exchange ahead of its neighbours, hence two sets of values.
template <class T>
static T __shfl_xor_sync(unsigned lanes, T value, int mask) {
    static std::vector<double> values[2];
    const size_t self = current - fibres.data(), other = self / 32 * 32 + (self % 32 ^ mask);
    std::vector<double>& mine = values[current->exchanges++ % 2];
    mine.resize(fibres.size());
    mine[self] = value;
    wait();
    // A lane that is elsewhere would hang the warp on a device.
    if (fibres[other].exchanges < current->exchanges || ~lanes) abort();
    return (T)mine[other];
}

// Copies arrive as late as they may: when their thread waits for their batch.
#define EMULATED_COPIES
template <class T>
static void start_copy(T* to, const T* from, bool there) {
    const T value = there ? *from : (T)0;
    current->batches.back().push_back([=] { *to = value; });
}

static void end_batch() {
    current->batches.emplace_back();
}

static void wait_for_all_but_last() {
    while (current->batches.size() > 2) {  // the last one ended, and the one that is still open
        for (auto& copy : current->batches.front()) copy();
        current->batches.pop_front();
    }
}

static void atomicOr(unsigned* word, unsigned bits) {
    *word |= bits;
}

static void start(Fibre& fibre, unsigned thread) {
    fibre.index = {thread % blockDim.x, thread / blockDim.x % blockDim.y,
                   thread / blockDim.x / blockDim.y};
    fibre.done = fibre.at_barrier = false;
    fibre.exchanges = 0;
    fibre.batches.assign(1, {});
}

static void run_block() {
    fibres.resize(blockDim.x * blockDim.y * blockDim.z);
    for (unsigned thread = 0; thread < fibres.size(); ++thread) start(fibres[thread], thread);
    for (bool left = true; left;) {
        bool ran = false;
        left = false;
        for (Fibre& fibre : fibres) {
            if (fibre.done) continue;
            left = true;
            if (fibre.at_barrier) continue;
            ran = true;
            resume(fibre);
        }
        if (!ran)
            for (Fibre& fibre : fibres) fibre.at_barrier = false;
    }
}

static void run_grid(const unsigned* size, void (*kernel)(void**), void** arguments) {
    gridDim = {size[0], size[1], size[2]};
    blockDim = {size[3], size[4], size[5]};
    body = kernel;
    body_arguments = arguments;
    for (unsigned z = 0; z < gridDim.z; ++z)
        for (unsigned y = 0; y < gridDim.y; ++y)
            for (unsigned x = 0; x < gridDim.x; ++x) {
                blockIdx = {x, y, z};
                run_block();
            }
}

template <class... A, size_t... I>
void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<A*>(arguments[I])...);
}
template <class... A>
void call(void (*kernel)(A...), void** arguments) {
    call(kernel, arguments, std::index_sequence_for<A...>{});
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
