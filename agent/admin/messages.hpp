// What passes through the agent's own socket: one request, one answer, each a line of JSON.
#pragma once

#include "common/error/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace relay::admin {

struct request {
    std::string what; // "queue.retry", "queue.drop", "environment"
    std::string id;   // of a command; empty where it is about none
};

struct answer {
    bool ok = false;
    std::string message; // one sentence for whoever asked
};

inline constexpr std::size_t longest_line = 4 * 1024; // of a request
inline constexpr std::size_t longest_answer = 1024 * 1024;

// Without the line break. Errors of the readers: errc::protocol_violation.
std::string encode(const request& r);
std::string encode(const answer& a);
result<request> read_request(std::string_view line);
result<answer> read_answer(std::string_view line);

// Where the agent that works on `data_dir` listens: agent.sock in it.
std::filesystem::path socket_in(const std::filesystem::path& data_dir);

} // namespace relay::admin
