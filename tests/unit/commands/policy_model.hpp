// A naive model of the policy's rules, which shares no code with agent/policy, and an Exchange that asks it about each call.
#pragma once

#include "tests/unit/commands/agent_fixture.hpp"

#include <cctype>
#include <map>
#include <optional>
#include <set>

namespace relay::test {

// ---- the model ----

inline bool fits(const std::string& pattern, const std::string& text, std::size_t p = 0, std::size_t t = 0)
{
    if (p == pattern.size())
        return t == text.size();
    if (pattern[p] == '*')
        return fits(pattern, text, p + 1, t) || (t < text.size() && fits(pattern, text, p, t + 1));
    return t < text.size() &&
           std::tolower(static_cast<unsigned char>(pattern[p])) ==
               std::tolower(static_cast<unsigned char>(text[t])) &&
           fits(pattern, text, p + 1, t + 1);
}

inline bool fits_any(const std::vector<std::string>& patterns, const std::string& text)
{
    for (const auto& p : patterns)
        if (fits(p, text))
            return true;
    return false;
}

struct policy_model {
    policy::rules rules;

    bool operation(const std::string& op) const { return fits_any(rules.allow_operations, op); }
    bool mailbox(const std::string& m) const
    {
        return !fits_any(rules.deny_mailboxes, m) && fits_any(rules.allow_mailboxes, m);
    }
};

// ---- what is sent ----

struct sent {
    std::string op, mailbox;            // no mailbox: availability and the like
    std::vector<std::string> mailboxes; // of availability
    bool allowed_at_first = false, always_allowed = true, ever_allowed = false;
    bool rules_changed = false; // since it was sent
    std::vector<bool> allowed_mailboxes;
    std::optional<json::object> result;
};

inline bool allowed(const policy_model& m, const sent& s)
{
    return m.operation(s.op) && (s.mailbox.empty() || m.mailbox(s.mailbox));
}

// Between the dispatcher and the scripted Exchange: asks the model about each call.
class watched_exchange final : public ews::exchange {
public:
    watched_exchange(scripted_exchange& real, const policy_model& rules,
                     const std::map<std::string, sent>& commands)
        : real_(real),
          rules_(rules),
          commands_(commands)
    {
    }

    bool down = false;            // nothing gets through
    bool lose_next_write = false; // it is done, and its answer lost
    std::vector<std::string> forbidden;
    int calls = 0;

    task<ews::outcome<ews::server_info>> resolve_account(duration limit) override
    {
        saw("connection.test", {});
        if (down)
            co_return outage;
        co_return co_await real_.resolve_account(limit);
    }
    task<ews::outcome<ews::recipient>> find_recipient(const mailbox_address& address, duration limit) override
    {
        if (down)
            co_return outage;
        co_return co_await real_.find_recipient(address, limit);
    }
    task<ews::outcome<ews::mailbox_info>> open_calendar(const mailbox_address& m, duration limit) override
    {
        saw("mailbox.verify", m.str());
        if (down)
            co_return outage;
        co_return co_await real_.open_calendar(m, limit);
    }
    task<ews::outcome<std::vector<ews::mailbox_busy>>> availability(std::vector<mailbox_address> mailboxes,
                                                                    utc_time start, utc_time end,
                                                                    duration limit) override
    {
        for (const auto& m : mailboxes)
            saw("availability.get", m.str());
        if (down)
            co_return outage;
        co_return co_await real_.availability(std::move(mailboxes), start, end, limit);
    }
    task<ews::outcome<ews::search_result>> find(const mailbox_address& m, std::string event_id,
                                                duration limit) override
    {
        looked(m.str());
        if (down)
            co_return outage;
        co_return co_await real_.find(m, std::move(event_id), limit);
    }
    task<ews::outcome<std::vector<ews::mail_folder>>> other_folders(const mailbox_address& m,
                                                                    duration limit) override
    {
        looked(m.str());
        if (down)
            co_return outage;
        co_return co_await real_.other_folders(m, limit);
    }
    task<ews::outcome<ews::search_result>> find_in(const mailbox_address& m, std::string event_id,
                                                   std::vector<ews::mail_folder> asked,
                                                   duration limit) override
    {
        looked(m.str());
        co_return co_await real_.find_in(m, std::move(event_id), std::move(asked), limit);
    }
    task<ews::outcome<ews::item>> get(const mailbox_address& m, ews::item_ref ref, duration limit) override
    {
        looked(m.str());
        if (down)
            co_return outage;
        co_return co_await real_.get(m, std::move(ref), limit);
    }
    task<ews::outcome<std::vector<ews::outcome<ews::item_state>>>>
    states(const mailbox_address& m, std::vector<std::string> ids, duration limit) override
    {
        looked(m.str());
        if (down)
            co_return outage;
        co_return co_await real_.states(m, std::move(ids), limit);
    }
    task<ews::outcome<ews::item_ref>> create(const mailbox_address& m, ews::item_fields fields,
                                             ews::marks marks, std::string uid, protocol::notify notify,
                                             ews::write_bounds bounds) override
    {
        wrote(marks.command_id, m.str());
        if (down)
            co_return outage;
        auto made =
            co_await real_.create(m, std::move(fields), std::move(marks), std::move(uid), notify, bounds);
        co_return or_lost(m, std::move(made));
    }
    task<ews::outcome<ews::item_ref>> update(const mailbox_address& m, ews::item_ref ref,
                                             ews::item_fields fields, std::string command_id,
                                             protocol::notify notify, ews::write_bounds bounds) override
    {
        wrote(command_id, m.str());
        if (down)
            co_return outage;
        auto changed = co_await real_.update(m, std::move(ref), std::move(fields), std::move(command_id),
                                             notify, bounds);
        co_return or_lost(m, std::move(changed));
    }
    task<ews::outcome<void>> remove(const mailbox_address& m, ews::item_ref ref, protocol::notify notify,
                                    ews::write_bounds bounds) override
    {
        saw("event.cancel", m.str());
        if (down)
            co_return outage;
        auto gone = co_await real_.remove(m, std::move(ref), notify, bounds);
        co_return or_lost(m, std::move(gone));
    }

private:
    void saw(const std::string& op, const std::string& mailbox)
    {
        ++calls;
        if (!rules_.operation(op) || (!mailbox.empty() && !rules_.mailbox(mailbox)))
            forbidden.push_back(op + " " + mailbox);
    }
    void wrote(const std::string& command, const std::string& mailbox)
    {
        saw(commands_.at(command).op, mailbox);
    }
    // A look harms nobody where a write of unknown outcome has to be told the truth about.
    void looked(const std::string& mailbox)
    {
        ++calls;
        const bool some_event_operation = rules_.operation("event.create") ||
                                          rules_.operation("event.update") ||
                                          rules_.operation("event.cancel") || rules_.operation("event.get");
        if ((!some_event_operation || !rules_.mailbox(mailbox)) && !in_doubt_.contains(ascii_key(mailbox)))
            forbidden.push_back("look " + mailbox);
    }
    template <class T>
    ews::outcome<T> or_lost(const mailbox_address& m, ews::outcome<T> done)
    {
        if (!std::exchange(lose_next_write, false))
            return done;
        in_doubt_.insert(m.key());
        return answer_lost;
    }
    static std::string ascii_key(const std::string& mailbox)
    {
        return mailbox_address::parse(mailbox)->key();
    }

    scripted_exchange& real_;
    const policy_model& rules_;
    const std::map<std::string, sent>& commands_;
    std::set<std::string> in_doubt_; // mailboxes
};

} // namespace relay::test
