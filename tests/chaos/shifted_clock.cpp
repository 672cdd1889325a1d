// Preloaded into the agent: its wall clock is the machine's plus what lies in the file named by
// RELAY_CLOCK_SHIFT (nanoseconds, eight bytes), which a test may change at any time. Elapsed time is left
// alone.
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

std::int64_t shift() noexcept
{
    static const auto* const where = []() -> const std::atomic<std::int64_t>* {
        const char* file = std::getenv("RELAY_CLOCK_SHIFT");
        const int handle = file ? ::open(file, O_RDONLY | O_CLOEXEC) : -1;
        if (handle < 0)
            return nullptr;
        void* mapped = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, handle, 0);
        ::close(handle);
        return mapped == MAP_FAILED ? nullptr : static_cast<const std::atomic<std::int64_t>*>(mapped);
    }();
    return where ? where->load(std::memory_order_relaxed) : 0;
}

} // namespace

extern "C" int clock_gettime(clockid_t id, timespec* out) noexcept
{
    static const auto real = reinterpret_cast<clock_call>(::dlsym(RTLD_NEXT, "clock_gettime"));
    const int code = real(id, out);
    if (code != 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return code;
    const auto shifted = out->tv_sec * second + out->tv_nsec + shift();
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
