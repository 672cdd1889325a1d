#include "agent/signin/credentials.hpp"

namespace relay::signin {

result<credentials::password> credentials::read()
{
    if (!read_)
        return current_ = std::make_shared<const secret>();
    auto fresh = read_();
    if (!fresh.has_value())
        return fresh.error();
    return current_ = std::make_shared<const secret>(std::move(*fresh));
}

result<credentials::password> credentials::get()
{
    const std::lock_guard hold(reading_);
    if (current_)
        return current_;
    return read();
}

result<credentials::password> credentials::other_than(const password& used)
{
    const std::lock_guard hold(reading_);
    if (current_ && !(*current_ == *used))
        return current_;
    auto fresh = read();
    if (fresh.has_value() && **fresh == *used)
        return password();
    return fresh;
}

void credentials::forget()
{
    const std::lock_guard hold(reading_);
    current_.reset();
}

} // namespace relay::signin
