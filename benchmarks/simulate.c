/* The C scheduler that simulate.py compares with: stages of independent activities on slots.
 *
 * One replication per lane of a vector. Per vector the free times of the SLOTS slots stay sorted: an
 * activity starts at the smallest, its finish replaces it, and minimum/maximum pairs put it in its
 * place. A phase is over when the last slot is free; all slots of the next begin then.
 *
 * durations, start and finish have the shape (activities, runs), row after row; phases has the
 * number of activities of each phase. runs is a multiple of 8. start and finish may be null.
 */
#include <stddef.h>

#define SLOTS 7

#if defined(__AVX512F__)
#include <immintrin.h>
#define LANES 8
typedef __m512d lanes;
#define LOAD(from) _mm512_loadu_pd(from)
#define STORE(to, value) _mm512_storeu_pd(to, value)
#define ADD(a, b) _mm512_add_pd(a, b)
#define SMALLER(a, b) _mm512_min_pd(a, b)
#define LARGER(a, b) _mm512_max_pd(a, b)
#define ZERO _mm512_setzero_pd()
#elif defined(__AVX__)
#include <immintrin.h>
#define LANES 4
typedef __m256d lanes;
#define LOAD(from) _mm256_loadu_pd(from)
#define STORE(to, value) _mm256_storeu_pd(to, value)
#define ADD(a, b) _mm256_add_pd(a, b)
#define SMALLER(a, b) _mm256_min_pd(a, b)
#define LARGER(a, b) _mm256_max_pd(a, b)
#define ZERO _mm256_setzero_pd()
#elif defined(__aarch64__)
#include <arm_neon.h>
#define LANES 2
typedef float64x2_t lanes;
#define LOAD(from) vld1q_f64(from)
#define STORE(to, value) vst1q_f64(to, value)
#define ADD(a, b) vaddq_f64(a, b)
#define SMALLER(a, b) vminq_f64(a, b)
#define LARGER(a, b) vmaxq_f64(a, b)
#define ZERO vdupq_n_f64(0.0)
#else
#error "no vectors known for this processor"
#endif

const int lane_count = LANES;

void schedule(const double *durations, double *start, double *finish, double *makespans, size_t runs,
              const int *phases, int phase_count) {
    for (size_t run = 0; run < runs; run += LANES) {
        lanes free_s[SLOTS];
        for (int slot = 0; slot < SLOTS; slot++) free_s[slot] = ZERO;
        size_t at = run;
        for (int phase = 0; phase < phase_count; phase++) {
            for (int left = phases[phase]; left > 0; left--, at += runs) {
                lanes done = ADD(free_s[0], LOAD(durations + at));
                if (start) {
                    STORE(start + at, free_s[0]);
                    STORE(finish + at, done);
                }
                for (int slot = 0; slot < SLOTS - 1; slot++) {
                    lanes next = free_s[slot + 1];
                    free_s[slot] = SMALLER(done, next);
                    done = LARGER(done, next);
                }
                free_s[SLOTS - 1] = done;
            }
            for (int slot = 0; slot < SLOTS - 1; slot++) free_s[slot] = free_s[SLOTS - 1];
        }
        STORE(makespans + run, free_s[SLOTS - 1]);
    }
}
