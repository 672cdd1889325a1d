// Random meetings, and what PROTOCOL.md makes of them: what event.get answers, and who is told. It knows nothing of
// EWS.
#pragma once

#include "tests/support/random_calendars.hpp"

#include <map>
#include <optional>

namespace relay::test {

// One event as the cloud knows it, from its create to its cancel.
class meeting_model {
public:
    // `names`: those whom the organization's directory knows, by address.
    explicit meeting_model(std::map<std::string, std::string> names) : names_(std::move(names)) {}

    void create(const json::object& params);
    // False where the agent has to refuse it: the event would end before it starts.
    bool update(const json::object& params);
    void cancel(const json::object& params);

    const json::object& fields() const noexcept { return fields_; }
    // What event.get answers, `responses` left out.
    json::object expected() const;
    // "KIND ADDRESS" of what has gone out since the last call, sorted.
    std::vector<std::string> take_told();

private:
    std::vector<std::string> addresses() const;
    void tell(std::string_view kind, const std::vector<std::string>& to);

    std::map<std::string, std::string> names_;
    json::object fields_; // as event.create takes them, with the defaults filled in
    bool invited_ = false;
    std::vector<std::string> told_;
};

struct meeting_choices {
    std::vector<std::string> people; // addresses to choose attendees from
    bool large_bodies = false;       // up to 256 KiB, now and then
};

json::object random_create(random_source& random, const std::string& event_id,
                           const meeting_choices& choices);
// Of some of the fields; of one at least.
json::object random_update(random_source& random, const std::string& event_id, const meeting_model& now,
                           const meeting_choices& choices);

// Any text that XML can carry, awkward ones above all.
std::string random_text(random_source& random, int longest);

} // namespace relay::test
