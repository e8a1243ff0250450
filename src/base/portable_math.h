// Elementary functions that give the same bits on any machine. Those of the C library may differ in
// their last bit from one version or processor to the next, and one bit is enough to send a seeded
// schedule another way; these are made of +, -, *, / and square roots alone, which IEEE 754 rounds
// the same everywhere (the build turns contraction to fused multiply-add off). Good to a few units
// in the last place. Pure functions; any thread.
#pragma once

namespace galileo::portable {

// The natural logarithm of a finite x > 0.
double log(double x);

// Infinite above 709.78, 0 below -745.
double exp(double x);

// x to the power of y, for a finite x > 0; its relative error grows with |y log x|.
double pow(double x, double y);

// Sine and cosine of an angle in turns: 1 is a full circle. Exact at quarters.
double sin_turns(double turns);
double cos_turns(double turns);

// The arc tangent of x >= 0, in radians; an infinite x gives pi / 2.
double atan(double x);

}  // namespace galileo::portable
