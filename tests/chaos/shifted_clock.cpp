// Preloaded into the agent: its clocks are the machine's plus what lies in the file named by RELAY_CLOCK_SHIFT, which a
// test may change at any time: eight bytes for the wall clock (nanoseconds), and, where there are eight more, those for
// elapsed time, and eight more again for the time in which the machine slept, which only CLOCK_BOOTTIME counts. A machine
// that sleeps is one that is stopped (SIGSTOP) while the first and the third go ahead; a virtual machine that is paused, one
// whose wall clock alone does. What waits in the kernel does not notice a jump of elapsed time before it wakes by itself.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

using clock_call = int (*)(clockid_t, timespec*);

constexpr std::int64_t second = 1'000'000'000;

struct shifts {
    std::atomic<std::int64_t> wall, elapsed, slept; // a shorter file reads as zero to the end of its page
};

const shifts* shared() noexcept
{
    static const auto* const where = []() -> const shifts* {
        const char* file = std::getenv("RELAY_CLOCK_SHIFT");
        const int handle = file ? ::open(file, O_RDONLY | O_CLOEXEC) : -1;
        if (handle < 0)
            return nullptr;
        void* mapped = ::mmap(nullptr, sizeof(shifts), PROT_READ, MAP_SHARED, handle, 0);
        ::close(handle);
        return mapped == MAP_FAILED ? nullptr : static_cast<const shifts*>(mapped);
    }();
    return where;
}

std::int64_t shift_of(clockid_t id) noexcept
{
    const auto* const all = shared();
    if (!all)
        return 0;
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        return all->wall.load(std::memory_order_relaxed);
    if (id == CLOCK_BOOTTIME)
        return all->elapsed.load(std::memory_order_relaxed) + all->slept.load(std::memory_order_relaxed);
    if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_MONOTONIC_RAW)
        return all->elapsed.load(std::memory_order_relaxed);
    return 0;
}

} // namespace

extern "C" int clock_gettime(clockid_t id, timespec* out) noexcept
{
    static const auto real = reinterpret_cast<clock_call>(::dlsym(RTLD_NEXT, "clock_gettime"));
    const int code = real(id, out);
    const auto by = code == 0 ? shift_of(id) : 0;
    if (by == 0)
        return code;
    const auto shifted = out->tv_sec * second + out->tv_nsec + by;
    out->tv_sec = shifted / second;
    out->tv_nsec = shifted % second;
    return 0;
}

extern "C" int gettimeofday(timeval* out, void*) noexcept
{
    timespec t{};
    const int code = clock_gettime(CLOCK_REALTIME, &t);
    out->tv_sec = t.tv_sec;
    out->tv_usec = t.tv_nsec / 1000;
    return code;
}

extern "C" std::time_t time(std::time_t* out) noexcept
{
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}
