// Gives the kernel back the memory that the process does not need while it has nothing to do.
#pragma once

namespace relay::platform {

// Call it when the start is over, and when nothing has happened for a while. Pages of code stay in the page cache as long as
// nobody needs their memory; what runs again is mapped again, at the price of some hundred minor faults (a tenth of a
// millisecond). It is worth it: the kernel maps sixteen pages around each that is touched, and what the start ran is three
// quarters of all code that is mapped. Free memory of the heap goes back as well. Where that is not possible nothing happens.
void give_back_idle_memory() noexcept;

} // namespace relay::platform
