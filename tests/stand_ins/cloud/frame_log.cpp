#include "tests/stand_ins/cloud/frame_log.hpp"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace relay::cloud_sim {
namespace {

constexpr std::int64_t most_frames = 20'000; // benchmarks send millions, all of the same kinds

} // namespace

frame_log::frame_log(const std::filesystem::path& folder)
    : out_(folder / ("frames-" + std::to_string(::getpid()) + ".jsonl"), std::ios::app)
{
    if (!out_)
        throw std::runtime_error("frames cannot be recorded in " + folder.string());
}

std::optional<frame_log> frame_log::from_environment()
{
    const char* folder = std::getenv("CLOUD_SIM_FRAMES");
    if (!folder || *folder == '\0')
        return std::nullopt;
    return frame_log(folder);
}

void frame_log::add(sender from, std::string_view text)
{
    if (++count_ > most_frames)
        return;
    // The text as it is: if it is no JSON, the reader of the line has to notice that.
    // Flushed each time: a scenario may kill this process.
    out_ << R"({"from":")" << (from == sender::agent ? "agent" : "cloud") << R"(","frame":)" << text << '}'
         << std::endl;
}

} // namespace relay::cloud_sim
