#include "tests/chaos/history.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace relay::chaos {
namespace {

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

std::string text_of(const json::object& o, std::string_view name)
{
    const auto* value = o.if_contains(name);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool before(const asked& a, const asked& b)
{
    return a.last_sent < b.first_sent;
}

bool notifies(const asked& c)
{
    return text_of(c.params, "notify") != "none";
}

bool claims_existed(const asked& c)
{
    return c.op == "event.cancel" && succeeded(c) &&
           c.result->at("output").as_object().at("existed").as_bool();
}

// The event after each write of the ledger: [0] before the first.
struct moment_of_event {
    bool live = false;
    std::string subject, command_id;
};

class trial {
public:
    trial(const std::vector<asked>& commands, const evidence& e)
        : commands_(commands),
          evidence_(e),
          place_(commands.size(), nowhere)
    {
        for (std::size_t i = 0; i < commands_.size(); ++i)
            number_[commands_[i].id] = i;
        by_.resize(evidence_.writes.size(), nowhere);
    }

    std::vector<std::string> verdict()
    {
        if (commands_.empty())
            return {"Exchange was written to for an event that no command names"};
        find_effects();
        find_deletes();
        replay();
        check_order();
        for (std::size_t i = 0; i < commands_.size(); ++i)
            check_claims(i);
        check_notifications();
        check_items();
        return std::move(wrong_);
    }

private:
    template <class... Parts>
    void wrong(const Parts&... parts)
    {
        std::string sentence;
        (sentence.append(parts), ...);
        wrong_.push_back(std::move(sentence));
    }

    // Creates and updates carry their command's id.
    void find_effects()
    {
        for (std::size_t w = 0; w < evidence_.writes.size(); ++w) {
            const auto& write = evidence_.writes[w].as_object();
            const auto kind = text_of(write, "operation"), id = text_of(write, "command_id");
            if (kind == "delete")
                continue;
            const auto found = number_.find(id);
            if (found == number_.end()) {
                wrong(kind, " by a command that the cloud never sent: ", id);
                continue;
            }
            const auto& c = commands_[found->second];
            if (c.op != "event." + kind)
                wrong(c.id, " (", c.op, ") did a ", kind);
            if (place_[found->second] != nowhere)
                wrong(c.id, " (", c.op, ") was applied twice");
            place_[found->second] = w;
            by_[w] = found->second;
            if (c.result && !succeeded(c))
                wrong(c.id, " (", c.op, ") was applied, but the cloud was told ", error_code_of(c));
        }
        for (std::size_t i = 0; i < commands_.size(); ++i) {
            const auto& c = commands_[i];
            if (!c.result)
                wrong(c.id, " (", c.op, ") has no result");
            // A create that was sent again may find that another one's item is there: PROTOCOL.md, "The
            // marks".
            const bool must = (c.op == "event.create" && !c.sent_again()) || c.op == "event.update";
            if (must && succeeded(c) && place_[i] == nowhere)
                wrong(c.id, " (", c.op, ") succeeded, but was never applied");
        }
    }

    // Whether a removal told the guests tells cancels that notify from those that do not.
    bool fits(std::size_t deleted, const asked& cancel) const
    {
        const auto uid = text_of(evidence_.writes[deleted].as_object(), "uid");
        const auto sent = [&](std::string_view kind) {
            return std::ranges::any_of(evidence_.notifications, [&](const auto& n) {
                return text_of(n.as_object(), "uid") == uid && text_of(n.as_object(), "kind") == kind;
            });
        };
        return sent("cancel") ? notifies(cancel) : !(notifies(cancel) && sent("request"));
    }

    // A delete carries the id of the command before it: which cancel did it is found by trying those that say
    // they did, the order of the commands being what must hold, and then what they said to the guests.
    void find_deletes()
    {
        std::vector<std::size_t> deletes, cancels;
        for (std::size_t w = 0; w < evidence_.writes.size(); ++w)
            if (text_of(evidence_.writes[w].as_object(), "operation") == "delete")
                deletes.push_back(w);
        for (std::size_t i = 0; i < commands_.size(); ++i)
            if (claims_existed(commands_[i]))
                cancels.push_back(i);
        if (deletes.size() > cancels.size())
            wrong("deleted ", std::to_string(deletes.size()), " times, but ", std::to_string(cancels.size()),
                  " cancels say they did it");
        // One that was sent again may have found in Deleted Items what another cancel had put there.
        const auto sure = std::ranges::count_if(cancels, [&](auto i) { return !commands_[i].sent_again(); });
        if (static_cast<std::size_t>(sure) > deletes.size())
            wrong(std::to_string(sure), " cancels say that they deleted it, which happened ",
                  std::to_string(deletes.size()), " times");

        auto best = place_;
        std::size_t fewest = nowhere;
        do {
            auto tried = place_;
            std::size_t unsure_left = 0, misfits = 0;
            for (std::size_t k = 0; k < cancels.size(); ++k) {
                if (k < deletes.size()) {
                    tried[cancels[k]] = deletes[k];
                    misfits += !fits(deletes[k], commands_[cancels[k]]);
                } else
                    unsure_left += !commands_[cancels[k]].sent_again();
            }
            const auto bad = misfits + 1000 * (unsure_left + inversions(tried).size());
            if (bad < fewest) {
                fewest = bad;
                best = tried;
            }
        } while (fewest != 0 && std::ranges::next_permutation(cancels).found);
        place_ = std::move(best);
        for (std::size_t i = 0; i < commands_.size(); ++i)
            if (place_[i] != nowhere)
                by_[place_[i]] = i;
    }

    void replay()
    {
        history_.push_back({});
        for (std::size_t w = 0; w < evidence_.writes.size(); ++w) {
            auto now = history_.back();
            const auto kind = text_of(evidence_.writes[w].as_object(), "operation");
            const auto* c = by_[w] == nowhere ? nullptr : &commands_[by_[w]];
            if (kind == "create") {
                if (now.live)
                    wrong("created while it was there already: ", c ? c->id : std::string("?"));
                now.live = true;
                now.subject = c ? text_of(c->params, "subject") : std::string();
            } else if (kind == "update" && c) {
                const auto* set = c->params.if_contains("set");
                if (set && set->as_object().contains("subject"))
                    now.subject = text_of(set->as_object(), "subject");
            } else if (kind == "delete") {
                if (!now.live)
                    wrong("deleted while it was not there");
                now.live = false;
            }
            if (c && kind != "delete")
                now.command_id = c->id;
            history_.push_back(std::move(now));
        }
    }

    std::vector<std::pair<std::size_t, std::size_t>> inversions(const std::vector<std::size_t>& place) const
    {
        std::vector<std::pair<std::size_t, std::size_t>> out;
        for (std::size_t i = 0; i < commands_.size(); ++i)
            for (std::size_t j = 0; j < commands_.size(); ++j)
                if (place[i] != nowhere && place[j] != nowhere && before(commands_[i], commands_[j]) &&
                    place[i] > place[j])
                    out.emplace_back(i, j);
        return out;
    }

    void check_order()
    {
        for (const auto& [i, j] : inversions(place_))
            wrong(commands_[i].id, " took effect after ", commands_[j].id, ", which came later");
    }

    // What a command without an effect says about the event must have been true at some time between the
    // effects before it and those after it.
    void check_claims(std::size_t number)
    {
        const auto& c = commands_[number];
        if (!c.result || place_[number] != nowhere)
            return;
        const auto code = error_code_of(c);
        std::optional<bool> live;
        std::optional<std::string> subject;
        const bool read = c.op == "event.get";
        if (read && c.sent_again())
            return; // it may have run again, whenever
        if (code == "event_not_found" || (c.op == "event.cancel" && succeeded(c) && !claims_existed(c)))
            live = false;
        else if ((c.op == "event.create" && (succeeded(c) || code == "conflict")) || (read && succeeded(c)))
            live = true;
        if (read && succeeded(c))
            subject = text_of(c.result->at("output").as_object(), "subject");
        if (!live)
            return;
        std::size_t low = 0, high = history_.size() - 1;
        for (std::size_t i = 0; i < commands_.size(); ++i) {
            if (place_[i] == nowhere)
                continue;
            if (before(commands_[i], c))
                low = std::max(low, place_[i] + 1);
            if (before(c, commands_[i]))
                high = std::min(high, place_[i]);
        }
        for (auto k = low; k <= high && k < history_.size(); ++k)
            if (history_[k].live == *live && (!subject || history_[k].subject == *subject))
                return;
        wrong(c.id, " (", c.op, ") says ", *live ? "that the event is there" : "that there is no such event",
              subject ? " as \"" + *subject + "\"" : std::string(), ", which was not so in its turn");
    }

    void check_notifications()
    {
        using key = std::pair<std::string, std::string>; // kind and command (a cancel carries the one before
                                                         // it), recipient
        std::map<key, int> due;
        std::vector<std::string> guests;
        for (const auto& c : commands_)
            if (const auto* list = c.params.if_contains("attendees"); list && guests.empty())
                for (const auto& guest : list->as_array())
                    guests.push_back(text_of(guest.as_object(), "email"));
        bool invited = false; // by the create, or by the first change that tells them
        for (std::size_t w = 0; w < by_.size(); ++w) {
            const auto kind = text_of(evidence_.writes[w].as_object(), "operation");
            if (by_[w] == nowhere || !notifies(commands_[by_[w]])) {
                invited = invited && kind == "update";
                continue;
            }
            const bool knew = std::exchange(invited, kind != "delete");
            if (kind == "delete" && !knew)
                continue;
            const auto name = kind == "delete" ? std::string("cancel")
                                               : (knew ? "update " : "request ") + commands_[by_[w]].id;
            for (const auto& guest : guests)
                ++due[{name, guest}];
        }
        for (const auto& n : evidence_.notifications) {
            const auto& o = n.as_object();
            const auto kind = text_of(o, "kind");
            --due[{kind == "cancel" ? kind : kind + ' ' + text_of(o, "command_id"), text_of(o, "to")}];
        }
        for (const auto& [what, missing] : due)
            if (missing != 0)
                wrong(what.second, " was told ", what.first, missing > 0 ? " too seldom" : " too often");
    }

    void check_items()
    {
        std::size_t live = 0, deleted = 0;
        for (const auto& i : evidence_.items) {
            const auto& item = i.as_object();
            if (text_of(item, "folder") == "deleteditems") {
                ++deleted;
                continue;
            }
            ++live;
            if (text_of(item, "subject") != history_.back().subject)
                wrong("the calendar says \"", text_of(item, "subject"), "\", not \"", history_.back().subject,
                      "\"");
            if (text_of(item.at("properties").as_object(), "WorkestraCommandId") !=
                history_.back().command_id)
                wrong("the item carries the mark of another command than ", history_.back().command_id);
        }
        if (live != (history_.back().live ? 1u : 0u))
            wrong("the calendar holds ", std::to_string(live), " items of it");
        const auto deletes = std::ranges::count_if(
            evidence_.writes, [](const auto& w) { return text_of(w.as_object(), "operation") == "delete"; });
        if (deleted != static_cast<std::size_t>(deletes))
            wrong("Deleted Items holds ", std::to_string(deleted), " items of it");
    }

    const std::vector<asked>& commands_;
    const evidence& evidence_;
    std::map<std::string, std::size_t> number_; // of a command, by its id
    std::vector<std::size_t> place_;            // of a command's effect in the ledger
    std::vector<std::size_t> by_;               // of a write in the ledger: its command
    std::vector<moment_of_event> history_;
    std::vector<std::string> wrong_;
};

} // namespace

bool succeeded(const asked& c)
{
    return c.result && c.result->at("ok").as_bool();
}

std::string error_code_of(const asked& c)
{
    return c.result && !succeeded(c) ? text_of(c.result->at("error").as_object(), "code") : std::string();
}

std::vector<std::string> judge_event(const std::vector<asked>& commands, const evidence& e)
{
    return trial(commands, e).verdict();
}

} // namespace relay::chaos
