// Preloaded into the agent: a disk whose syncs hang (a storage that fails over, a snapshot that is consolidated). The file
// named by RELAY_SLOW_DISK says how it is, and a test may change it at any time, in place or by another of its name:
//
//     (empty)     as the machine's
//     hold N      from now on N more syncs are carried out, and every further one hangs until the file says otherwise
//     slow MS     each takes so many milliseconds longer
//
// Each sync that begins to hang adds a line to the file of that name and ".held".
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace {

using sync_call = int (*)(int);
using namespace std::chrono_literals;

constexpr auto look_interval = 5ms;

std::string wish()
{
    const char* const file = std::getenv("RELAY_SLOW_DISK");
    const int handle = file ? ::open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (handle < 0)
        return {};
    char text[64];
    const auto size = ::read(handle, text, sizeof text);
    ::close(handle);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

long number_after(std::string_view word, std::string_view text)
{
    long n = 0;
    if (text.starts_with(word) && text.size() > word.size())
        std::from_chars(text.data() + word.size() + 1, text.data() + text.size(), n);
    return n;
}

void tell_held()
{
    const auto name = std::string(std::getenv("RELAY_SLOW_DISK")) + ".held";
    const int handle = ::open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (handle >= 0) {
        [[maybe_unused]] const auto written = ::write(handle, "held\n", 5);
        ::close(handle);
    }
}

// Whether this sync hangs while the file says `now`.
bool hangs(const std::string& now)
{
    static std::mutex lock;
    static std::string last;
    static long passed = 0;
    const std::lock_guard held(lock);
    if (now != last) {
        last = now;
        passed = 0;
    }
    return now.starts_with("hold") && ++passed > number_after("hold", now);
}

void wait_for_the_disk()
{
    const auto now = wish();
    if (const auto ms = number_after("slow", now); ms > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    if (!hangs(now))
        return;
    tell_held();
    while (wish() == now)
        std::this_thread::sleep_for(look_interval);
}

} // namespace

extern "C" int fsync(int file)
{
    static const auto real = reinterpret_cast<sync_call>(::dlsym(RTLD_NEXT, "fsync"));
    wait_for_the_disk();
    return real(file);
}

extern "C" int fdatasync(int file)
{
    static const auto real = reinterpret_cast<sync_call>(::dlsym(RTLD_NEXT, "fdatasync"));
    wait_for_the_disk();
    return real(file);
}
