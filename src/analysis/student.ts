/**
 * P(|T| <= t) for Student's t with a whole number of degrees of freedom: the finite trigonometric sums of Abramowitz and
 * Stegun, "Handbook of Mathematical Functions", 26.7.3 (odd) and 26.7.4 (even).
 */
export function studentCentralProbability(t: number, degreesOfFreedom: number): number {
  if (!Number.isInteger(degreesOfFreedom) || degreesOfFreedom < 1) {
    throw new RangeError(`degrees of freedom must be a positive integer, got ${degreesOfFreedom}`);
  }
  if (t < 0) throw new RangeError('t must not be negative');
  const angle = Math.atan(t / Math.sqrt(degreesOfFreedom));
  const cosineSquared = Math.cos(angle) ** 2;
  const odd = degreesOfFreedom % 2 === 1;
  let term = odd ? Math.cos(angle) : 1;
  let sum = degreesOfFreedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= degreesOfFreedom - 2; k += 2) {
    term *= (cosineSquared * (k - 1)) / k;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}

/**
 * The t that the central `confidence` (0.95 for a 95 % interval) of Student's distribution lies within, by bisection.
 * Exact to about 12 digits.
 */
export function studentQuantile(confidence: number, degreesOfFreedom: number): number {
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`confidence ${confidence} is outside 0 to 1`);
  let low = 0;
  let high = 1;
  while (studentCentralProbability(high, degreesOfFreedom) < confidence) high *= 2;
  for (let step = 0; step < 80; step += 1) {
    const middle = (low + high) / 2;
    if (studentCentralProbability(middle, degreesOfFreedom) < confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
