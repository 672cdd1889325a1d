// What all commands under way may take of memory together. Each holds a share of it from its arrival until it is answered;
// what would go beyond is refused, before it is there.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace relay::store {

// Loop thread only.
class memory_budget {
    struct account {
        std::size_t most, used;
        std::size_t left() const noexcept { return used < most ? most - used : 0; }
    };

public:
    static constexpr std::size_t usual = 24 * 1024 * 1024;

    explicit memory_budget(std::size_t most) : account_(std::make_shared<account>(account{most, 0})) {}

    // A share that is given back when it goes; it may outlive the budget.
    class share {
    public:
        share() = default; // of nothing: takes what it likes
        share(share&& other) noexcept : of_(std::move(other.of_)), held_(std::exchange(other.held_, 0)) {}
        share& operator=(share&& other) noexcept
        {
            std::swap(of_, other.of_);
            std::swap(held_, other.held_);
            return *this;
        }
        ~share()
        {
            if (of_)
                of_->used -= held_;
        }

        // Makes it so large. False, and it stays as it was, if the budget has no room for that.
        bool resize(std::size_t bytes)
        {
            if (of_ && bytes > held_ && bytes - held_ > of_->left())
                return false;
            if (of_)
                of_->used = of_->used - held_ + bytes;
            held_ = bytes;
            return true;
        }
        std::size_t held() const noexcept { return held_; }

    private:
        friend class memory_budget;
        std::shared_ptr<account> of_;
        std::size_t held_ = 0;
    };

    share open_share() const
    {
        share s;
        s.of_ = account_;
        return s;
    }
    std::size_t used() const noexcept { return account_->used; }

private:
    std::shared_ptr<account> account_;
};

} // namespace relay::store
