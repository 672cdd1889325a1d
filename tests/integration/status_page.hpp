// What scenarios ask the running agent over its local HTTP.
#pragma once

#include "tests/integration/scenario.hpp"

#include "agent/status/client.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace relay::test {

// A world whose agent serves its page on a free port.
world_options with_page(bool start_agent = true);

// The page of the agent that was started last; waits until it listens.
struct page {
    explicit page(const relay_world& w);

    relay::status::fetched ask(std::string_view path) const;
    json::value status() const;
    bool ready() const { return ask("/readyz").status == 200; }
    // The value of one sample; -1 where there is none.
    double metric(const std::string& name) const;

    std::uint16_t port;
};

} // namespace relay::test
