// Watches and tracked events: each of these steps is one table's own.
#include "agent/store/tables/queue_tables.hpp"

namespace relay::store::step {

result<watch_put> put_watch::operator()(queue_tables& t) const
{
    return t.watches().put(watch);
}

result<watch_removal> remove_watch::operator()(queue_tables& t) const
{
    return t.watches().remove(watch_id);
}

result<std::vector<known_watch>> watches::operator()(queue_tables& t) const
{
    return t.watches().all();
}

result<std::vector<watched_mailbox>> watched::operator()(queue_tables& t) const
{
    return t.watches().read(query);
}

result<std::vector<std::string>> watched_mailboxes::operator()(queue_tables& t) const
{
    return t.watches().mailboxes(after, most);
}

result<std::vector<tracked_event>> tracked_events::operator()(queue_tables& t) const
{
    return t.tracked_events().of_mailbox(mailbox_key, after, most);
}

result<std::vector<std::string>> tracked_mailboxes::operator()(queue_tables& t) const
{
    return t.tracked_events().mailboxes(after, most);
}

} // namespace relay::store::step
