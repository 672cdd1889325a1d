#include "agent/http/address_memory.hpp"

#include <algorithm>

namespace relay::http {

void address_memory::worked(const address& a)
{
    favourite_ = a;
    std::erase(failed_, a);
}

void address_memory::failed(const address& a)
{
    if (favourite_ == a)
        favourite_.reset();
    std::erase(failed_, a);
    if (failed_.size() == most_failed)
        failed_.erase(failed_.begin());
    failed_.push_back(a);
}

bool address_memory::has_failed(const address& a) const
{
    return std::ranges::find(failed_, a) != failed_.end();
}

bool address_memory::failed_before(const address& a, const address& b) const
{
    return std::ranges::find(failed_, a) < std::ranges::find(failed_, b);
}

} // namespace relay::http
