// What availability.changed tells is held against the watches that were asked for.
#pragma once

#include "tests/stand_ins/cloud/shape.hpp"

#include <map>
#include <string>
#include <unordered_map>

namespace relay::cloud_sim {

class watch_book {
public:
    // A command that goes to an agent; what is no availability.watch is passed over.
    void asked(std::string_view op, const json::object& params);

    // The frame of an event. Of a replaced watch both forms count: an event may have been
    // stored before the newer one arrived.
    void check(const json::object& frame, findings& found) const;

private:
    struct watch {
        std::map<std::string, std::int64_t, std::less<>>
            mailboxes; // lower case, and how many days ahead at most
    };
    std::unordered_map<std::string, watch> watches_;
};

} // namespace relay::cloud_sim
