// Params of an operation: the first byte picks the operation, the rest is the JSON of its params.
#include "agent/protocol/operations.hpp"
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

// What parse_operation() promises of an event it lets through, whatever asked for it.
struct limits {
    void operator()(const protocol::event_create& e) const
    {
        require(e.fields.start < e.fields.end && e.fields.attendees.size() <= 500 &&
                e.fields.categories.size() <= 25);
        require(is_xml_text(e.fields.subject) && code_points(e.fields.subject) <= 255);
        require(!e.fields.body ||
                (is_xml_text(e.fields.body->content) && e.fields.body->content.size() <= 256 * 1024));
        require(!e.event_id.empty() && e.event_id.size() <= 200);
    }
    void operator()(const protocol::event_update& e) const
    {
        require(!e.set.start || !e.set.end || *e.set.start < *e.set.end);
        require(!e.set.reminder_minutes || !*e.set.reminder_minutes ||
                (**e.set.reminder_minutes >= 0 && **e.set.reminder_minutes <= 40320));
    }
    void operator()(const protocol::availability_get& a) const
    {
        require(!a.mailboxes.empty() && a.mailboxes.size() <= 1000 && a.start < a.end);
    }
    void operator()(const auto&) const {}
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    if (size == 0)
        return 0;
    const auto all = protocol::operations();
    boost::system::error_code ec;
    auto value =
        boost::json::parse(boost::json::string_view(reinterpret_cast<const char*>(bytes) + 1, size - 1), ec);
    if (ec || !value.is_object())
        return 0;
    protocol::command c;
    c.id = "c-1";
    c.op = std::string(all[bytes[0] % all.size()].name);
    c.mailbox = "host@corp.example";
    c.params = std::move(value.get_object());
    const auto op = protocol::parse_operation(c);
    if (op.has_value())
        std::visit(limits{}, *op);
    else
        require(op.error().message.starts_with("params") && is_utf8(op.error().message));
    return 0;
}
