// Gives the kernel back the pages of code that only the start needed.
#pragma once

namespace relay::platform {

// Call it once, when the start is over. The kernel maps sixteen pages around each that is touched, and what the start ran is
// three quarters of all code that is mapped. The pages stay in the page cache as long as nobody needs their memory; what runs
// again is mapped again, at the price of some hundred minor faults. Where that is not possible nothing happens.
void give_back_start_pages() noexcept;

} // namespace relay::platform
