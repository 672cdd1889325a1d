#include "agent/protocol/operation.hpp"

#include "agent/protocol/fields.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::protocol {
namespace {

std::optional<mailbox_address> read_acting_mailbox(const command& c, findings& found)
{
    if (c.mailbox.empty())
        return found.add("mailbox", "is missing"), std::nullopt;
    auto address = mailbox_address::parse(c.mailbox);
    if (!address.has_value())
        return found.add("mailbox", "is not an SMTP address"), std::nullopt;
    if (!is_ascii(address->str()))
        return found.add("mailbox", "must be in ASCII"), std::nullopt;
    return std::move(*address);
}

} // namespace

const std::string& operation::event_id() const
{
    static const std::string none;
    return none;
}

std::string operation::ordering_key() const
{
    const auto* acts_in = mailbox();
    return acts_in && !event_id().empty() ? fmt::format("{}/{}", acts_in->key(), event_id()) : std::string();
}

const operation_row* operation_catalog::find(std::string_view name) const noexcept
{
    const auto found = std::ranges::find(rows_, name, &operation_row::name);
    return found == rows_.end() ? nullptr : &*found;
}

std::optional<operation_class> operation_catalog::class_of(std::string_view name) const noexcept
{
    const auto* row = find(name);
    return row ? std::optional(row->kind) : std::nullopt;
}

checked<operation_ptr> operation_catalog::read(const command& c) const
{
    const auto* row = find(c.op);
    if (!row)
        return fault{fault_code::unsupported_operation,
                     fmt::format("op: {} is not known to this agent", utf8_prefix(c.op, 64)),
                     {}};
    findings found;
    std::optional<mailbox_address> mailbox;
    if (row->mailboxes == operation_mailboxes::one) {
        mailbox = read_acting_mailbox(c, found);
        if (!mailbox)
            return *found.first();
    }
    unread_operation from{std::move(mailbox), params_reader(c.params, "params", found), found};
    auto op = row->read(from);
    if (found.first())
        return *found.first();
    return op;
}

} // namespace relay::protocol
