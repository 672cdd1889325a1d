// A disk that is soon full. Only root can mount one.
#pragma once

#include "tests/support/process.hpp"

#include <sys/mount.h>

#include <fstream>

namespace relay::test {

// A small disk in the place of a folder, for as long as it lives.
class small_disk {
public:
    small_disk(fs::path folder, const char* size, unsigned long flags = 0) : folder_(std::move(folder))
    {
        mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", flags, size) == 0;
    }
    ~small_disk()
    {
        if (mounted_)
            ::umount2(folder_.c_str(), MNT_DETACH);
    }
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;

    bool mounted() const { return mounted_; }
    void fill() const
    {
        std::ofstream out(folder_ / "ballast", std::ios::binary);
        const std::string block(4096, 'b');
        while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
    void empty() const { fs::remove(folder_ / "ballast"); }

private:
    fs::path folder_;
    bool mounted_ = false;
};

} // namespace relay::test
