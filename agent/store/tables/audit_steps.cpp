// The audit of what leaves no other trace. (What became of a write is noted with its result: finish, in command_steps.cpp.)
#include "agent/store/tables/queue_tables.hpp"

namespace relay::store::step {

result<void> record::operator()(queue_tables& t) const
{
    for (const auto& e : entries)
        if (const auto done = t.audit().append(e); done.has_error())
            return done;
    return {};
}

result<std::size_t> forget_audit::operator()(queue_tables& t) const
{
    return t.audit().forget(before, most_kept, most);
}

result<audit_status> audit::operator()(queue_tables& t) const
{
    audit_status s;
    s.head = t.audit().head();
    s.bytes = t.audit().bytes();
    s.is_full = t.audit().is_full();
    const auto oldest = t.audit().oldest();
    if (oldest.has_error())
        return oldest.error();
    s.oldest = *oldest;
    const auto fits = t.audit().head_fits();
    if (fits.has_error())
        return fits.error();
    s.head_fits = *fits;
    return s;
}

} // namespace relay::store::step
