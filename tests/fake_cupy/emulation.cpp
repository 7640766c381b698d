// The fibres of emulation.h, and what they do when they wait.
#undef _FORTIFY_SOURCE  // its longjmp refuses to leave one stack for another
#include "emulation.h"

#include <setjmp.h>
#include <stdlib.h>
#include <ucontext.h>

#include <deque>
#include <vector>

Dim gridDim, blockDim, blockIdx, threadIdx;

struct Copy {
    void* to;
    size_t bytes;
    char value[16];
};

struct Fibre {
    jmp_buf place;
    std::vector<char> stack;
    Dim index;
    bool done, at_barrier;
    unsigned exchanges;
    std::deque<std::vector<Copy>> batches;
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

void __syncthreads() {
    current->at_barrier = true;
    wait();
}

// A lane may be one exchange ahead of its neighbours, hence two sets of values.
double exchanged(unsigned lanes, double value, int mask) {
    static std::vector<double> values[2];
    const size_t self = current - fibres.data(), other = self / 32 * 32 + (self % 32 ^ mask);
    std::vector<double>& mine = values[current->exchanges++ % 2];
    mine.resize(fibres.size());
    mine[self] = value;
    wait();
    // A lane that is elsewhere would hang the warp on a device.
    if (fibres[other].exchanges < current->exchanges || ~lanes) abort();
    return mine[other];
}

void copy_later(void* to, const void* value, size_t bytes) {
    Copy copy = {to, bytes, {}};
    if (bytes > sizeof copy.value) abort();
    memcpy(copy.value, value, bytes);
    current->batches.back().push_back(copy);
}

void end_batch() {
    current->batches.emplace_back();
}

void wait_for_all_but_last() {
    while (current->batches.size() > 2) {  // the last one ended, and the one that is still open
        for (Copy& copy : current->batches.front()) memcpy(copy.to, copy.value, copy.bytes);
        current->batches.pop_front();
    }
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

void run_grid(const unsigned* size, void (*kernel)(void**), void** arguments) {
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
