// The params that operations share: the first byte picks what is read, the rest is JSON.
#include "agent/protocol/params.hpp"
#include "common/text/text.hpp"

#include <boost/json/parse.hpp>

#include <cstdlib>

using namespace relay;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

// What is promised of what was read and not found wrong.
void check(const protocol::event_fields& e)
{
    require(e.start < e.end && e.attendees.size() <= 500 && e.categories.size() <= 25);
    require(is_xml_text(e.subject) && code_points(e.subject) <= 255);
    require(!e.body || (is_xml_text(e.body->content) && e.body->content.size() <= 256 * 1024));
}

void check(const protocol::event_changes& c)
{
    require(!c.start || !c.end || *c.start < *c.end);
    require(!c.reminder_minutes || !*c.reminder_minutes ||
            (**c.reminder_minutes >= 0 && **c.reminder_minutes <= 40320));
}

void check_list(const std::vector<mailbox_address>& mailboxes, std::size_t most)
{
    require(!mailboxes.empty() && mailboxes.size() <= most);
}

// As each operation does it: everything is read, and counts only if nothing was found wrong.
void read(unsigned char what, protocol::params_reader& params, protocol::findings& found)
{
    switch (what % 4) {
    case 3: {
        const auto id = params.needed("event_id", protocol::read_event_id);
        const auto fields = protocol::read_event_fields(params, found);
        protocol::read_notify(params, protocol::notify_words::all_or_none);
        if (!found.first()) {
            require(!id.empty() && id.size() <= 200);
            check(fields);
        }
        break;
    }
    case 0: {
        const auto changes = params.needed("set", protocol::read_event_changes);
        protocol::read_notify(params, protocol::notify_words::all_changed_or_none);
        if (!found.first())
            check(changes);
        break;
    }
    case 2: {
        const auto mailboxes = params.needed("mailboxes", protocol::read_mailboxes);
        if (!found.first())
            check_list(mailboxes, 1000);
        break;
    }
    default: {
        const auto mailboxes = params.needed("mailboxes", protocol::read_watched_mailboxes);
        params.optional("horizon_days", protocol::read_horizon);
        params.optional("interval_s", protocol::read_interval);
        if (!found.first())
            check_list(mailboxes, 5000);
    }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    if (size == 0)
        return 0;
    boost::system::error_code ec;
    auto value =
        boost::json::parse(boost::json::string_view(reinterpret_cast<const char*>(bytes) + 1, size - 1), ec);
    if (ec || !value.is_object())
        return 0;
    protocol::findings found;
    protocol::params_reader params(value.get_object(), "params", found);
    read(bytes[0], params, found);
    if (found.first())
        require(found.first()->message.starts_with("params") && is_utf8(found.first()->message));
    return 0;
}
