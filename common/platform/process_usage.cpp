#include "common/platform/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace relay::platform {

process_usage usage_of_this_process()
{
    process_usage u;
    ::rusage r{};
    if (::getrusage(RUSAGE_SELF, &r) == 0) {
        const auto seconds = [](const ::timeval& t) {
            return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
        };
        u.cpu_seconds = seconds(r.ru_utime) + seconds(r.ru_stime);
    }
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::ifstream statm("/proc/self/statm"); // pages: the whole, then what is resident
    if (std::uint64_t all = 0, resident = 0; statm >> all >> resident) {
        u.virtual_bytes = all * page;
        u.resident_bytes = resident * page;
    }
    std::error_code ec;
    std::uint64_t files = 0;
    for (std::filesystem::directory_iterator entry("/proc/self/fd", ec), end; !ec && entry != end;
         entry.increment(ec))
        ++files;
    if (!ec && files > 0)
        u.open_files = files - 1; // the one that the look itself opened
    if (::rlimit l{}; ::getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur != RLIM_INFINITY)
        u.most_files = l.rlim_cur;
    return u;
}

} // namespace relay::platform
