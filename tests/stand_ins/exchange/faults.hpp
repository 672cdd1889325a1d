// The fault plan: which requests go wrong, and how. What is decided here is carried out by ews_endpoint.
#pragma once

#include "common/time/time_source.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relay::exchange_sim {

enum class fault_action {
    delay,
    late,
    hang,
    reset,
    status,
    html,
    redirect,
    soap_fault,
    error,
    busy,
    truncate,
    garbage,
    huge,
    bomb,
    deep,
    nodes,
    gzip_bomb,
    empty,
    unauthorized,
    unseen,
    unsent,
    saved_and_refused,
    lacking,
    recoded,
    gzip_garbage,
    cut_chunks,
    twice,
    foreign,
};

// Whether the action needs the answer that would have been sent.
constexpr bool spoils_answer(fault_action a) noexcept
{
    return a == fault_action::truncate || a == fault_action::cut_chunks || a == fault_action::recoded ||
           a == fault_action::twice;
}

// How a SOAP fault tells its code, for servers differ in that.
struct fault_form {
    enum class faultcode { prefixed, bare, none } code = faultcode::prefixed;
    bool detail = true;
    unsigned status = 500;
};

struct fault {
    std::string operation = "*";
    std::string mailbox; // lower case; empty: any
    bool after = false;  // the work is done, only the answer suffers
    fault_action action = fault_action::reset;
    std::uint64_t skip = 0;
    std::uint64_t count = 1; // 0: for ever

    milliseconds ms{0};
    unsigned status = 0; // 0: the action's own
    std::string body, location, code;
    std::vector<std::pair<std::string, std::string>> headers;
    std::int64_t back_off_ms = 0; // 0: the answer names none
    std::uint64_t bytes = 50u << 20;
    std::uint64_t levels = 100'000;
    fault_form form;
    bool as_fault = false; // saved_and_refused: no response message
    std::string element;   // lacking: with the prefix that the stand-in writes
    std::uint64_t keep = 0;
    std::string charset; // utf-16 or latin-1
    bool declared = true;
    std::string of;   // whose answer a foreign one is; empty: of another request for the same operation
    bool echo = true; // the answers name the request that they belong to
};

// Reads the JSON of PUT /faults. Throws std::invalid_argument in plain words.
std::vector<fault> read_faults(const boost::json::value& plan);

// What happens to one request: how long it is held up before and after its work, and what else.
struct strike {
    milliseconds delay_before{0}, delay_after{0};
    std::optional<fault> effect;
};

class fault_plan {
public:
    void replace(std::vector<fault> faults);

    // Counts one signed-in request. Faults see it in the order of the plan, up to the first that strikes with
    // anything but a delay: those after it neither strike nor count this request.
    strike next(std::string_view operation, const std::vector<std::string>& mailboxes);

    // For a request that has not signed in: only faults of all operations without an end strike, as when the
    // whole site is ill. Does not count.
    strike anonymous() const;

private:
    struct active {
        fault what;
        std::uint64_t seen = 0;
    };
    std::vector<active> faults_;
};

} // namespace relay::exchange_sim
