// Another agent of the same customer: a process with an identity, a store and a configuration of its own.
#pragma once

#include "tests/chaos/lab.hpp"

namespace relay::chaos {

// What a call cannot do throws.
class second_agent {
public:
    second_agent(lab& l, std::string id, test::configuration settings);

    const std::string& id() const noexcept { return id_; }
    const fs::path& data_folder() const noexcept { return data_; }
    // Starts it where it does not run.
    void revive();
    void kill();
    bool connected();

private:
    lab& lab_;
    std::string id_;
    fs::path data_, config_;
    std::optional<test::process> process_;
};

} // namespace relay::chaos
