// What the store can be asked: each is a step that goes into one transaction whole, and is answered once that is durable.
//
// A step is a value: what is asked, what it is answered with, and how its commit is called where tests kill the agent. How
// it is done stands in tables/*_steps.cpp and is called by the writer alone; the loop's side only makes steps. So a new
// step is stated here, written there, and has a call in queue_store: what stands between (the writer, doubles in tests)
// carries any step.
#pragma once

#include "agent/store/records.hpp"
#include "common/crash_point/crash_point.hpp"

#include <boost/mp11/algorithm.hpp>

namespace relay::store {

class queue_tables;

// Nothing for a step that changes nothing.
using commit_name = std::optional<crash_step>;
inline constexpr commit_name reads_only = std::nullopt;

// How much of the disk has to be free for a step that brings what is new. Steps without it end what was begun, or make
// room: the reserve is theirs.
enum class needs { some, plenty };

// What each does and answers is said at the call of queue_store that makes it.
namespace step {

// ---- the store itself ----
struct who {
    using answer = identity;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
};
struct renew {
    using answer = identity;
    static constexpr commit_name commit = crash_step("store.renew");
    result<answer> operator()(queue_tables& t) const;
};
struct owe_again {
    using answer = owed_again;
    static constexpr commit_name commit = crash_step("store.renew");
    result<answer> operator()(queue_tables& t) const;
    sequence held;
};
struct prune {
    using answer = std::size_t;
    static constexpr commit_name commit = crash_step("store.prune");
    result<answer> operator()(queue_tables& t) const;
    utc_time before, latest;
    std::size_t most;
};
struct shrink {
    using answer = std::size_t;
    static constexpr commit_name commit = crash_step("store.prune");
    result<answer> operator()(queue_tables& t) const;
    std::size_t most_pages;
};
struct status {
    using answer = queue_status;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
};

// ---- commands ----
struct unfinished {
    using answer = std::vector<unfinished_command>;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
};
struct admit {
    using answer = admission;
    static constexpr commit_name commit = crash_step("store.admit");
    static constexpr auto room = needs::plenty;
    result<answer> operator()(queue_tables& t) const;
    new_command command;
};
struct look_up {
    using answer = std::optional<admission>;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
    std::string id, fingerprint;
};
struct begin {
    using answer = void;
    static constexpr commit_name commit = crash_step("store.begin");
    result<answer> operator()(queue_tables& t) const;
    std::string id;
    utc_time at;
};
struct retract {
    using answer = void;
    static constexpr commit_name commit = crash_step("store.retract");
    result<answer> operator()(queue_tables& t) const;
    std::string id, fault_code;
};
struct finish {
    using answer = sequence;
    static constexpr commit_name commit = crash_step("store.finish");
    result<answer> operator()(queue_tables& t) const;
    std::string id, body;
    write_end end;
};

// ---- messages to the cloud ----
struct append {
    using answer = sequence;
    static constexpr commit_name commit = crash_step("store.append");
    static constexpr auto room = needs::plenty;
    result<answer> operator()(queue_tables& t) const;
    std::string body, command_id;
    std::optional<utc_time> expires_at;
};
struct read {
    using answer = std::vector<stored_message>;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
    sequence after;
    std::size_t most, most_bytes;
};
struct read_to_send {
    using answer = std::vector<stored_message>;
    static constexpr commit_name commit = crash_step("store.tell");
    result<answer> operator()(queue_tables& t) const;
    sequence after;
    std::size_t most, most_bytes;
};
// At most `most` messages of those up to `seq`; answered with how far it came.
struct acknowledge {
    using answer = sequence;
    static constexpr commit_name commit = crash_step("store.acknowledge");
    result<answer> operator()(queue_tables& t) const;
    sequence seq;
    std::int64_t most;
};

// ---- watches ----
struct put_watch {
    using answer = watch_put;
    static constexpr commit_name commit = crash_step("store.watch");
    result<answer> operator()(queue_tables& t) const;
    new_watch watch;
};
struct remove_watch {
    using answer = watch_removal;
    static constexpr commit_name commit = crash_step("store.watch");
    result<answer> operator()(queue_tables& t) const;
    std::string watch_id;
};
struct watches {
    using answer = std::vector<known_watch>;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
};
struct watched {
    using answer = std::vector<watched_mailbox>;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
    watched_query query;
};
struct watched_mailboxes {
    using answer = std::vector<std::string>;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
    std::string after;
    std::size_t most;
};
struct publish {
    using answer = std::vector<stored_observation>;
    static constexpr commit_name commit = crash_step("store.tell");
    static constexpr auto room = needs::plenty;
    result<answer> operator()(queue_tables& t) const;
    std::vector<observation> seen;
    bool at_once;
};

// ---- tracked events ----
struct tracked_events {
    using answer = std::vector<tracked_event>;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
    std::string mailbox_key;
    std::int64_t after;
    std::size_t most;
};
struct tracked_mailboxes {
    using answer = std::vector<std::string>;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
    std::string after;
    std::size_t most;
};
struct publish_changes {
    using answer = std::vector<stored_observation>;
    static constexpr commit_name commit = crash_step("store.tell");
    static constexpr auto room = needs::plenty;
    result<answer> operator()(queue_tables& t) const;
    std::vector<event_observation> seen;
    bool at_once;
};

// ---- the audit ----
struct record {
    using answer = void;
    static constexpr commit_name commit = crash_step("store.audit");
    static constexpr auto room = needs::some;
    result<answer> operator()(queue_tables& t) const;
    std::vector<audit_entry> entries;
};
struct forget_audit {
    using answer = std::size_t;
    static constexpr commit_name commit = crash_step("store.prune");
    result<answer> operator()(queue_tables& t) const;
    utc_time before;
    std::int64_t most_kept;
    std::size_t most;
};
struct audit {
    using answer = audit_status;
    static constexpr commit_name commit = reads_only;
    result<answer> operator()(queue_tables& t) const;
};

} // namespace step

using any_step =
    std::variant<step::who, step::renew, step::owe_again, step::prune, step::shrink, step::status,
                 step::unfinished, step::admit, step::look_up, step::begin, step::retract, step::finish,
                 step::append, step::read, step::read_to_send, step::acknowledge, step::put_watch,
                 step::remove_watch, step::watches, step::watched, step::watched_mailboxes, step::publish,
                 step::tracked_events, step::tracked_mailboxes, step::publish_changes, step::record,
                 step::forget_audit, step::audit>;

template <class Step>
using answer_to = result<typename Step::answer>;

// Each kind of answer once.
using any_answer = boost::mp11::mp_unique<boost::mp11::mp_transform<answer_to, any_step>>;

// Nothing where it succeeded.
error_code error_of(const any_answer& a) noexcept;
// What `s` is answered with where it was not carried out.
any_answer not_done(const any_step& s, error_code why);

} // namespace relay::store
