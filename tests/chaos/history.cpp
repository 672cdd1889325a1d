#include "tests/chaos/history.hpp"

#include "tests/chaos/course.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace relay::chaos {
namespace {

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

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

// A write may end with what passes by itself only once its time is over.
bool gave_up_too_soon(const asked& c)
{
    constexpr int long_ttl = 60'000'000;
    constexpr std::string_view passing[] = {"exchange_unavailable", "exchange_busy",
                                            "exchange_unsupported", "auth_failed",
                                            "deadline_exceeded",    "internal"};
    const bool writes = c.op == "event.create" || c.op == "event.update" || c.op == "event.cancel";
    return writes && c.ttl_ms.value_or(long_ttl) >= long_ttl &&
           std::ranges::find(passing, error_code_of(c)) != std::end(passing);
}

class trial {
public:
    trial(const std::vector<asked>& commands, const evidence& e)
        : commands_(commands),
          evidence_(e),
          course_(commands, e),
          place_(commands.size(), nowhere),
          by_(course_.steps().size(), nowhere)
    {
        for (std::size_t i = 0; i < commands_.size(); ++i)
            number_[commands_[i].id] = i;
    }

    std::vector<std::string> verdict()
    {
        if (commands_.empty())
            return {"Exchange was written to for an event that no command names"};
        find_effects();
        find_deletes();
        wrong_.insert(wrong_.end(), course_.wrong().begin(), course_.wrong().end());
        check_order();
        for (std::size_t i = 0; i < commands_.size(); ++i)
            check_claims(i);
        check_notifications();
        check_items();
        check_news();
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
        const auto& steps = course_.steps();
        for (std::size_t w = 0; w < steps.size(); ++w) {
            const auto& s = steps[w];
            if (s.by_hand || s.action == "delete")
                continue;
            const auto found = number_.find(s.command_id);
            if (found == number_.end()) {
                wrong(s.action, " by a command that the cloud never sent: ", s.command_id);
                continue;
            }
            const auto& c = commands_[found->second];
            auto& place = place_[found->second];
            by_[w] = found->second;
            if (place != nowhere && sends_what_was_saved(w, place))
                continue;
            if (c.op != "event." + s.action)
                wrong(c.id, " (", c.op, ") did a ", s.action);
            if (place != nowhere)
                wrong(c.id, " (", c.op, ") was applied twice");
            place = w;
            if (c.result && !succeeded(c))
                wrong(c.id, " (", c.op, ") was applied, but the cloud was told ", error_code_of(c));
        }
        for (std::size_t i = 0; i < commands_.size(); ++i) {
            const auto& c = commands_[i];
            if (!c.result)
                wrong(c.id, " (", c.op, ") has no result");
            if (gave_up_too_soon(c))
                wrong(c.id, " (", c.op, ") ended with ", error_code_of(c), " long before its time");
            // A create that was sent again may find that another one's item is there: PROTOCOL.md, "The
            // marks".
            const bool must = (c.op == "event.create" && !c.sent_again()) || c.op == "event.update";
            if (must && succeeded(c) && place_[i] == nowhere)
                wrong(c.id, " (", c.op, ") succeeded, but was never applied");
        }
    }

    // Exchange may save and not send: then one more update with the command's own mark invites.
    bool sends_what_was_saved(std::size_t later, std::size_t first) const
    {
        const auto& steps = course_.steps();
        return notifies(commands_[by_[first]]) && steps[later].action == "update" &&
               steps[later].uid == steps[first].uid &&
               std::ranges::none_of(evidence_.notifications, [&](const auto& n) {
                   const auto at = n.as_object().at("n").template to_number<std::int64_t>();
                   return text_of(n.as_object(), "command_id") == steps[first].command_id &&
                          at < steps[later].n;
               });
    }

    // Whether a removal told the guests tells cancels that notify from those that do not.
    bool fits(std::size_t deleted, const asked& cancel) const
    {
        const auto& uid = course_.steps()[deleted].uid;
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
        std::size_t by_hand = 0;
        for (std::size_t w = 0; w < course_.steps().size(); ++w)
            if (course_.steps()[w].writes("delete"))
                deletes.push_back(w);
            else
                by_hand += course_.steps()[w].action == "delete";
        for (std::size_t i = 0; i < commands_.size(); ++i)
            if (claims_existed(commands_[i]))
                cancels.push_back(i);
        if (deletes.size() > cancels.size())
            wrong("deleted ", std::to_string(deletes.size()), " times, but ", std::to_string(cancels.size()),
                  " cancels say they did it");
        // One that was sent again may have found in Deleted Items what another cancel had put there, any one that was
        // looked up what the owner had.
        const auto sure = std::ranges::count_if(cancels, [&](auto i) { return !commands_[i].sent_again(); });
        if (static_cast<std::size_t>(sure) > deletes.size() + by_hand)
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
            unsure_left -= std::min(unsure_left, by_hand);
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
        const auto& moments = course_.moments();
        std::size_t low = 0, high = moments.size() - 1;
        for (std::size_t i = 0; i < commands_.size(); ++i) {
            if (place_[i] == nowhere)
                continue;
            if (before(commands_[i], c))
                low = std::max(low, place_[i] + 1);
            if (before(c, commands_[i]))
                high = std::min(high, place_[i]);
        }
        for (auto k = low; k <= high && k < moments.size(); ++k)
            if (moments[k].live == *live && (!subject || moments[k].subject == *subject))
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
        std::set<std::string> perhaps; // Exchange saved and told nobody: then one may be told later, or never
        for (std::size_t w = 0; w < by_.size(); ++w) {
            const auto& s = course_.steps()[w];
            if (by_[w] == nowhere || !notifies(commands_[by_[w]]) ||
                (s.action != "delete" && place_[by_[w]] != w))
                continue;
            const bool knew = invited_before(s);
            if (s.action == "delete" && !knew)
                continue;
            const auto name = s.action == "delete" ? std::string("cancel")
                                                   : (knew ? "update " : "request ") + commands_[by_[w]].id;
            if (s.unsent)
                perhaps.insert(name);
            for (const auto& guest : guests)
                ++due[{name, guest}];
        }
        for (const auto& n : evidence_.notifications) {
            const auto& o = n.as_object();
            const auto kind = text_of(o, "kind");
            --due[{kind == "cancel" ? kind : kind + ' ' + text_of(o, "command_id"), text_of(o, "to")}];
        }
        for (const auto& [what, missing] : due)
            if (missing < 0 || (missing > 0 && !perhaps.contains(what.first)))
                wrong(what.second, " was told ", what.first, missing > 0 ? " too seldom" : " too often");
    }

    bool invited_before(const step& s) const
    {
        return std::ranges::any_of(evidence_.notifications, [&](const auto& n) {
            return text_of(n.as_object(), "uid") == s.uid && text_of(n.as_object(), "kind") == "request" &&
                   n.as_object().at("n").template to_number<std::int64_t>() < s.n;
        });
    }

    void check_items()
    {
        std::size_t live = 0;
        std::map<std::string, int> seen; // by UID
        for (const auto& i : evidence_.items) {
            const auto& item = i.as_object();
            const auto uid = text_of(item, "uid");
            ++seen[uid];
            const bool is_live = text_of(item, "folder") != "deleteditems";
            const auto known = course_.items().find(uid);
            if (known == course_.items().end()) {
                wrong("an item of it that nobody made: ", uid);
            } else if (known->second.copy) {
                check_copy(item, known->second);
            } else {
                live += is_live;
                check_original(item, known->second, is_live);
            }
        }
        const auto should = static_cast<std::size_t>(std::ranges::count_if(
            course_.items(), [](const auto& i) { return i.second.live && !i.second.copy; }));
        if (live != should || live > 1)
            wrong("the calendar holds ", std::to_string(live), " items of it");
        for (const auto& [uid, item] : course_.items())
            if (seen[uid] != (item.erased ? 0 : 1))
                wrong("there are ", std::to_string(seen[uid]), " items with the UID ", uid);
    }

    void check_original(const json::object& item, const item_state& should, bool live)
    {
        if (live != should.live)
            wrong("it is ", live ? "in a calendar" : "in Deleted Items", ", where it should not be");
        if (!live)
            return;
        if (text_of(item, "subject") != should.subject)
            wrong("the calendar says \"", text_of(item, "subject"), "\", not \"", should.subject, "\"");
        if (text_of(item.at("properties").as_object(), "WorkestraCommandId") != should.command_id)
            wrong("the item carries the mark of another command than ", should.command_id);
    }

    void check_copy(const json::object& item, const item_state& left)
    {
        if (text_of(item, "change_key") != left.change_key || text_of(item, "folder") != left.folder)
            wrong("a copy made by hand was touched: ", text_of(item, "uid"));
    }

    // Nothing in Exchange tells the cancel of another agent from a deletion by hand (docs/protocol.md).
    bool another_cancelled() const
    {
        const bool two_agents = std::ranges::any_of(
            commands_, [&](const asked& c) { return c.given_on || c.agent != commands_.front().agent; });
        return two_agents &&
               std::ranges::any_of(commands_, [](const asked& c) { return c.op == "event.cancel"; });
    }

    // Nor does anything tell an old copy what its own later life removed (docs/exactly-once.md).
    bool removal_is_forgotten() const
    {
        return std::ranges::any_of(course_.steps(), [&](const step& s) {
            return s.writes("delete") && std::ranges::any_of(evidence_.lost, [&](const lost_memory& l) {
                       return s.n > l.after && s.n <= l.until;
                   });
        });
    }

    // Of changes by hand the cloud may be told late or, where an agent died, never; but only of what was done.
    void check_news()
    {
        for (const auto& t : evidence_.told) {
            const auto change = text_of(t.as_object().at("data").as_object(), "change");
            const bool done = change == "deleted" ? course_.owner_did({"delete", "erase", "move"}) ||
                                                        another_cancelled() || removal_is_forgotten()
                              : change == "moved" ? course_.owner_did({"edit", "move"})
                                                  : true;
            if (!done)
                wrong("the cloud was told that it was ", change, " by hand, which nobody did");
        }
    }

    const std::vector<asked>& commands_;
    const evidence& evidence_;
    course course_;
    std::map<std::string, std::size_t> number_; // of a command, by its id
    std::vector<std::size_t> place_;            // of a command's effect among the steps
    std::vector<std::size_t> by_;               // of a step: its command
    std::vector<std::string> wrong_;
};

} // namespace

std::string text_of(const json::object& o, std::string_view name)
{
    const auto* value = o.if_contains(name);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

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
