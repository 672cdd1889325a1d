#include "agent/signin/credentials.hpp"

namespace relay::signin {

credentials::password credentials::known() const
{
    const std::lock_guard hold(lock_);
    return current_;
}

result<credentials::password> credentials::read()
{
    std::unique_lock hold(lock_);
    const auto before = forgotten_;
    hold.unlock();
    auto fresh = read_ ? read_() : result<secret>(secret());
    if (!fresh.has_value())
        return fresh.error();
    auto made = std::make_shared<const secret>(std::move(*fresh));
    hold.lock();
    if (forgotten_ == before)
        current_ = made;
    return made;
}

result<credentials::password> credentials::get()
{
    if (auto now = known())
        return now;
    return read();
}

result<credentials::password> credentials::other_than(const password& used)
{
    if (auto now = known(); now && !(*now == *used))
        return now;
    auto fresh = read();
    if (fresh.has_value() && **fresh == *used)
        return password();
    return fresh;
}

void credentials::use(password fresh)
{
    const std::lock_guard hold(lock_);
    current_ = std::move(fresh);
    ++forgotten_;
}

void credentials::forget()
{
    const std::lock_guard hold(lock_);
    current_.reset();
    ++forgotten_;
}

} // namespace relay::signin
