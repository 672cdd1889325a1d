#include "tests/chaos/machine.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace relay::chaos {

machine::machine(std::chrono::nanoseconds wall_ahead)
    : clock_file_(folder_.path() / "clock"),
      disk_file_(folder_.path() / "disk"),
      wall_(wall_ahead)
{
    std::ofstream(clock_file_, std::ios::binary);
    write_clocks();
    free_disk();
}

std::map<std::string, std::string> machine::environment() const
{
    const char* before = std::getenv("ASAN_OPTIONS");
    return {{"LD_PRELOAD", std::string(RELAY_SHIFTED_CLOCK) + ':' + RELAY_SLOW_DISK},
            {"RELAY_CLOCK_SHIFT", clock_file_.string()},
            {"RELAY_SLOW_DISK", disk_file_.string()},
            {"ASAN_OPTIONS", std::string(before ? before : "") + ":verify_asan_link_order=0"}};
}

void machine::set_wall(std::chrono::nanoseconds ahead)
{
    wall_ = ahead;
    write_clocks();
}

void machine::slept(std::chrono::nanoseconds length)
{
    elapsed_ -= length;
    slept_ += length;
    write_clocks();
}

void machine::was_paused(std::chrono::nanoseconds length)
{
    elapsed_ -= length;
    write_clocks();
}

void machine::hang_disk_after(int syncs)
{
    write_disk("hold " + std::to_string(syncs));
}

void machine::free_disk()
{
    write_disk({});
}

void machine::write_clocks() const
{
    std::fstream file(clock_file_, std::ios::binary | std::ios::in | std::ios::out); // in place: it is mapped
    const std::array<std::int64_t, 3> shifts{wall_.count(), elapsed_.count(), slept_.count()};
    file.write(reinterpret_cast<const char*>(shifts.data()), sizeof shifts);
    if (!file.flush())
        throw std::runtime_error("cannot write " + clock_file_.string());
}

void machine::write_disk(const std::string& how) const
{
    const auto fresh = disk_file_.string() + ".new";
    std::ofstream(fresh, std::ios::trunc) << how << std::flush;
    std::filesystem::rename(fresh, disk_file_);
}

} // namespace relay::chaos
