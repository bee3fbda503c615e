import { generationsFinished } from '../catalogue/content.ts'
import { rollingWindowNames, rollingWindows } from '../catalogue/windows.ts'
import { board } from './board.ts'
import { divisionNow, divisionOverTime, generationsPerPeriod } from './content/generations.ts'
import { contentNow } from './content/now.ts'
import {
  durationHeatmap,
  durationOverTime,
  failureReasons,
  queueLength,
  successByType,
  successByTypeNow,
} from './content/performance.ts'
import { popular, popularInRange } from './content/popular.ts'
import { choiceVariable, labelVariable } from './variables.ts'

/** What is made, of what kind, what is popular, and how well the making goes. */
export const content = {
  name: 'content',
  build: () =>
    board({
      name: 'content',
      title: 'Content',
      description: 'What is made, of what kind, what is popular, how long it takes and how often it fails.',
      variables: [
        labelVariable([generationsFinished], 'type', 'Type'),
        labelVariable([generationsFinished], 'quality', 'Quality'),
        labelVariable([generationsFinished], 'rating', 'Rating'),
        choiceVariable(
          'period',
          'A bar is',
          rollingWindows.map((window) => ({ text: rollingWindowNames[window], value: window })),
        ),
        choiceVariable(
          'window',
          'Popular in',
          [...rollingWindows].reverse().map((window) => ({ text: `the last ${window}`, value: window })),
        ),
      ],
      sections: [
        { title: 'Now', panels: contentNow() },
        { title: 'Generations', panels: [generationsPerPeriod(), ...divisionOverTime(), ...divisionNow()] },
        { title: 'Popular', panels: [...popular(), ...popularInRange()] },
        {
          title: 'Performance',
          panels: [
            ...[durationOverTime(), durationHeatmap(), successByType(), successByTypeNow()],
            ...[failureReasons(), queueLength()],
          ],
        },
      ],
    }),
} as const
