// Every frame of both sides as JSON lines, for whoever holds them against docs/protocol.schema.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace relay::cloud_sim {

enum class sender { agent, cloud };

// One file a process, frames-PID.jsonl in the folder: stand-ins that run side by side do not share one.
class frame_log {
public:
    // Throws if the file cannot be written.
    explicit frame_log(const std::filesystem::path& folder);

    // The folder that CLOUD_SIM_FRAMES names; nothing if it names none.
    static std::optional<frame_log> from_environment();

    // {"from":"agent","frame":TEXT}. A frame past the first 20,000 is not recorded.
    void add(sender from, std::string_view text);

private:
    std::ofstream out_;
    std::int64_t count_ = 0;
};

} // namespace relay::cloud_sim
