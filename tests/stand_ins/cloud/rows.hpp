// What cloud-sim keeps on disk, as values: written in batches by database, read back when it starts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace relay::cloud_sim {

// A command as it was posted (JSON), and what became of it. Written again whenever that changes.
struct command_row {
    std::string id;
    std::string posted;
    std::string state; // queued, sent, accepted, finished
    std::int64_t sent = 0, accepted = 0, results = 0;
    bool cancel_sent = false;
    std::string result;                          // the frame, empty where there is none
    std::int64_t queued_at = 0, finished_at = 0; // milliseconds since 1970
};

enum class frame_kind { result = 1, event = 2, problem = 3 };

// A frame of the agent's, as it came.
struct frame_row {
    frame_kind kind = frame_kind::result;
    std::string store; // the store it is numbered by, empty where it has no seq
    std::int64_t seq = 0;
    std::string session;
    std::int64_t at = 0;
    std::string body;
};

// A store of an agent's: how far it is held without gaps known of.
struct store_row {
    std::string id;
    std::int64_t first = 1, ack = 0, repeats = 0;
    std::string gaps; // JSON array of the numbers that never came
};

// Of a store's frames those past `ack` are forgotten.
struct forget_row {
    std::string store;
    std::int64_t ack = 0;
};

struct violation_row {
    std::string body; // JSON
};

using row = std::variant<command_row, frame_row, store_row, forget_row, violation_row>;

// All of it, oldest first.
struct contents {
    std::vector<command_row> commands;
    std::vector<frame_row> frames;
    std::vector<store_row> stores;
    std::vector<violation_row> violations;
    std::int64_t starts = 0; // how often the file was opened, this time included
};

} // namespace relay::cloud_sim
