// The service account's password as last read from where it is kept, for all connections. Thread-safe.
#pragma once

#include "agent/signin/secret.hpp"
#include "common/error/error.hpp"

#include <functional>
#include <memory>
#include <mutex>

namespace relay::signin {

class credentials {
public:
    using source = std::function<result<secret>()>;
    using password = std::shared_ptr<const secret>; // owners: this object and the sign-in that uses it; never null

    // An empty source gives an empty password.
    explicit credentials(source read) : read_(std::move(read)) {}

    // The password, read now where that was not done before. Errors: those of the source, and nothing is kept.
    result<password> get();

    // After `used` was refused: reads the source again, or takes what somebody else has read since. Nothing (a null
    // pointer) where that is the same as `used`, so that trying again would only be a second refusal.
    result<password> other_than(const password& used);

    // The next get() reads the source.
    void forget();

private:
    result<password> read();

    source read_;
    std::mutex reading_; // held while the source runs, so that it runs once for all who wait for it
    password current_;
};

} // namespace relay::signin
