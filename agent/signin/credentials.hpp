// The service account's password as last read from where it is kept, for all connections.
#pragma once

#include "common/error/error.hpp"
#include "common/secret/secret.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace relay::signin {

// known() and forget() never block and may be called from any thread; get() and other_than() block for as long as the
// source does, and are called by one thread at a time.
class credentials {
public:
    using source = std::function<result<secret>()>;
    using password = std::shared_ptr<const secret>; // owners: this object and the sign-in that uses it

    // An empty source gives an empty password.
    explicit credentials(source read) : read_(std::move(read)) {}

    // The password as it was read last; a null pointer where it has to be read.
    password known() const;

    // The password, read now where that was not done before. Errors: those of the source, and nothing is kept.
    result<password> get();

    // After `used` was refused: reads the source again, or takes what somebody else has read since. Nothing (a null
    // pointer) where that is the same as `used`, so that trying again would only be a second refusal.
    result<password> other_than(const password& used);

    // The next get() reads the source; what one under way reads is not kept.
    void forget();

    // What was read elsewhere a moment ago: as if get() had just read it.
    void use(password fresh);

private:
    result<password> read();

    source read_;
    mutable std::mutex lock_; // guards what follows; never held while the source runs
    password current_;
    std::uint64_t forgotten_ = 0; // how often
};

} // namespace relay::signin
